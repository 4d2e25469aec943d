import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import type { LogLine } from '../../support/log-lines.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';
import { temporaryFolder } from '../../../src/runtime/temporary-folder.fixture.ts';

const group = 'telemetry.kyma-project.io';

interface Found {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason: string }[] };
}

/** Alert, pipeline, reason. */
const ways: readonly (readonly [alertname: string, kind: string, output: object, reason: string])[] = [
  ['TraceGatewayAllDataDropped', 'TracePipeline', { otlp: {} }, 'GatewayAllTelemetryDataDropped'],
  ['MetricAgentSomeDataDropped', 'MetricPipeline', { otlp: {} }, 'AgentSomeTelemetryDataDropped'],
  ['LogGatewayThrottling', 'LogPipeline', { otlp: {} }, 'GatewayThrottling'],
  ['LogFluentBitBufferInUse', 'LogPipeline', { http: {} }, 'AgentBufferFillingUp'],
];

describe('Tocsin on a real API server, with the rights of k8s/', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let tocsin: TocsinProcess;
  let kubeconfig: string;

  before(async () => {
    await server().kubectl(['apply', '-k', 'k8s']);
    kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', 'tocsin'));
    const foreign = { type: 'GatewayHealthy', status: 'True', reason: 'GatewayReady', message: '' };
    for (const [, kind, output] of ways) await server().apply(pipeline(kind, output));
    await server().kubectl([
      'patch',
      `tracepipeline/${nameOf({ otlp: {} })}`,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { conditions: [{ ...foreign, lastTransitionTime: '2026-11-21T03:00:00Z' }] } }),
    ]);
    tocsin = await startTocsin({ args: [`--kubeconfig=${kubeconfig}`] });
  });

  after(() => tocsin?.stop());

  it('says in its first line where the pipelines live, and why', () => {
    const [first] = linesOf(tocsin, 'app.starting');
    assert.deepEqual([first?.['home'], first?.['home_reason']], ['kubernetes', '--kubeconfig is given']);
    assert.deepEqual(first?.['kubeconfig'], [kubeconfig]);
  });

  for (const [alertname, kind, output, reason] of ways) {
    it(`writes ${reason} into a ${kind} for ${alertname}`, async () => {
      await postAlerts(tocsin.url, [{ labels: { alertname, pipeline_name: nameOf(output) } }]);
      const find = () => server().get(kind.toLowerCase(), nameOf(output)) as Promise<Found>;
      await eventually(find, (found) => flowHealth(found)?.reason === reason);
    });
  }

  it('keeps the conditions of others', async () => {
    const { status } = (await server().get('tracepipeline', nameOf({ otlp: {} }))) as Found;
    assert.deepEqual(
      status?.conditions?.map(({ type }) => type),
      ['GatewayHealthy', 'TelemetryFlowHealthy'],
    );
  });

  it('looks at a pipeline as soon as it is created', async () => {
    await server().apply({ ...pipeline('TracePipeline', { otlp: {} }), metadata: { name: 'late' } });
    const find = () => server().get('tracepipeline', 'late') as Promise<Found>;
    await eventually(find, (found) => flowHealth(found) !== undefined);
  });

  it('makes no write in a sweep that changes nothing', async () => {
    const writes = async () =>
      /^rest_client_requests_total\{method="PATCH",code="200"\} (\d+)$/m.exec(await metrics(tocsin))?.[1];
    const earlier = await writes();
    await postAlerts(tocsin.url, [{ labels: { alertname: 'Unrelated' } }]);
    await eventually(
      () => linesOf(tocsin, 'sweep.finished').filter(({ causes }) => String(causes).includes('Unrelated')),
      ({ length }) => length > 0,
    );
    assert.equal(await writes(), earlier);
  });

  it('ends with 0 after a SIGTERM', async () => {
    const other = await startTocsin({ args: [`--kubeconfig=${kubeconfig}`] });
    process.kill(other.child.pid, 'SIGTERM');
    assert.deepEqual(await other.child.exited, { code: 0, signal: null });
    await other.stop();
  });

  it('wakes the operator of another kind, in the namespaces that are named', async () => {
    const config = JSON.stringify({
      controller: { action: 'annotate' },
      pipelines: {
        kubernetes: {
          kinds: [{ group: '', version: 'v1', resource: 'configmaps', namespaces: ['tocsin'], label_selector: 'a=b' }],
        },
      },
    });
    const configMap = (name: string, namespace: string, labels: object) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
    });
    await server().apply(
      configMap('mine', 'tocsin', { a: 'b' }),
      configMap('plain', 'tocsin', {}),
      configMap('mine', 'default', { a: 'b' }),
    );
    const other = await startTocsin({ config, args: [`--kubeconfig=${server().kubeconfig}`] });
    try {
      await postAlerts(other.url, [{ labels: { alertname: 'Wake' } }]);
      const annotation = async (name: string, namespace: string) =>
        ((await server().get('configmap', name, `--namespace=${namespace}`)) as Found).metadata.annotations?.[
          'tocsin.dev/cause'
        ];
      await eventually(
        () => annotation('mine', 'tocsin'),
        (cause) => cause === 'Wake firing',
      );
      assert.deepEqual(
        [await annotation('plain', 'tocsin'), await annotation('mine', 'default')],
        [undefined, undefined],
      );
      assert.match(await metrics(other), /^tocsin_pipelines\{kind="ConfigMap"\} 1$/m);
    } finally {
      await other.stop();
    }
  });
});

const away = {
  'current-context': 'x',
  clusters: [{ name: 'x', cluster: { server: 'http://127.0.0.1:1' } }],
  contexts: [{ name: 'x', context: { cluster: 'x' } }],
};

describe('Tocsin without its API server', () => {
  it('is healthy and not ready, takes alerts in, and can be stopped', async (t) => {
    const folder = await temporaryFolder(t, 'tocsin-away');
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, JSON.stringify(away));
    const isReady = (url: string) =>
      fetch(url.replace('ready', 'healthy')).then(
        ({ ok }) => ok,
        () => false,
      );
    const tocsin = await startTocsin({ args: [`--kubeconfig=${kubeconfig}`], isReady });
    t.after(() => tocsin.stop());
    await postAlerts(tocsin.url, [{ labels: { alertname: 'A' } }]);
    await tocsin.log.waitForLine(
      ({ event, error }) => event === 'reflector.failed' && String(error).includes('ECONNREFUSED'),
    );
    const ready = await fetch(`${tocsin.url}/-/ready`);
    assert.equal(ready.status, 503);
    assert.match(
      await ready.text(),
      /^not ready: starting up: \w+\.telemetry\.kyma-project\.io cannot be listed \(Unreachable\)\n$/,
    );
    process.kill(tocsin.child.pid, 'SIGTERM');
    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
  });
});

function pipeline(kind: string, output: object): object {
  return { apiVersion: `${group}/v1beta1`, kind, metadata: { name: nameOf(output) }, spec: { output } };
}

function nameOf(output: object): string {
  return `to-${Object.keys(output)[0]}`;
}

function flowHealth({ status }: Found): { readonly reason: string } | undefined {
  return status?.conditions?.find(({ type }) => type === 'TelemetryFlowHealthy');
}

function linesOf({ log }: TocsinProcess, event: string): readonly LogLine[] {
  return log.all.filter((line) => line.event === event);
}

async function metrics({ url }: TocsinProcess): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}
