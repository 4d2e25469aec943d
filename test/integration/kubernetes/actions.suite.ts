import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { ApiObject } from '../../../src/kubernetes/api-object.ts';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { condition } from '../../contract/condition-writer.cases.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { sweepOf } from '../../support/sweep-lines.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const reader = 'base/cluster-role-reader.yaml';
const writer = 'base/cluster-role-writer.yaml';
const apiVersion = 'telemetry.kyma-project.io/v1beta1';
const kinds = ['TracePipeline', 'MetricPipeline', 'LogPipeline'] as const;
const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };

describe('a process on a real API server, with the rights of k8s/', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();

  /** One pipeline of each kind, with somebody else's condition. */
  async function createPipelines(name: string): Promise<void> {
    const objects = kinds.map((kind) => ({ apiVersion, kind, metadata: { name }, spec: { output: { otlp: {} } } }));
    await kube().apply(...objects);
    const patch = JSON.stringify({ status: { conditions: [condition('GatewayHealthy')] } });
    for (const kind of kinds) {
      await kube().kubectl([
        'patch',
        kind.toLowerCase(),
        name,
        '--subresource=status',
        '--type=merge',
        `--patch=${patch}`,
      ]);
    }
  }

  async function start(action: string, account: string, ...files: readonly string[]): Promise<TocsinProcess> {
    const kubeconfig = await kubeconfigWith(kube(), account, files);
    const config = `{controller: {action: ${action}}, source: {debounce: {wait: 0s, max_wait: 1ms}}}`;
    return startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
  }

  before(() => createPipelines('observed'));

  const pipelines = (): Promise<readonly ApiObject[]> =>
    kube().get('tracepipelines,metricpipelines,logpipelines') as Promise<readonly ApiObject[]>;
  const trace = async (name: string): Promise<ApiObject> => (await kube().get('tracepipeline', name)) as ApiObject;
  const reasons = ({ status }: ApiObject): readonly string[] =>
    readConditions(status?.conditions).map(({ type, reason }) => `${type}=${reason}`);
  const events = async (): Promise<readonly { reason: string; regarding: { name: string } }[]> =>
    (await kube().get('events.events.k8s.io', '--all-namespaces')) as never;

  it('action log observes with read-only rights, and writes nothing', async () => {
    const untouched = await pipelines();
    const tocsin = await start('log', 'observer', reader);
    try {
      const id = await postAlerts(tocsin.url, [throttling]);
      const swept = await tocsin.log.waitForLine(sweepOf(id));
      assert.deepEqual([swept['requests'], swept['failed']], [3, 0]);
      const observed = tocsin.log.all.filter(({ event }) => event === 'condition.observed');
      assert.ok(observed.some(({ kind, reason }) => kind === 'TracePipeline' && reason === 'GatewayThrottling'));
    } finally {
      await tocsin.stop();
    }
    assert.deepEqual(await pipelines(), untouched);
    assert.deepEqual(await events(), []);
    assert.deepEqual(
      tocsin.log.all.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    );
  });

  it('action condition without the rights to write says so once for each kind, at the end of the sweep again, and lives', async () => {
    const tocsin = await start('condition', 'beggar', reader);
    try {
      const id = await postAlerts(tocsin.url, [throttling]);
      const swept = await tocsin.log.waitForLine(sweepOf(id));
      assert.deepEqual([swept['requests'], swept['failed']], [3, 3]);
      assert.match(
        String(swept['error']),
        /the right to patch \w+pipelines\/status.* is missing, which k8s\/base\/cluster-role-writer/,
      );
      const warnings = tocsin.log.all.filter(({ level }) => level === 'warn');
      assert.deepEqual(warnings.map(({ event, resource }) => [event, String(resource)]).toSorted(), [
        ['write.forbidden', 'logpipelines/status.telemetry.kyma-project.io'],
        ['write.forbidden', 'metricpipelines/status.telemetry.kyma-project.io'],
        ['write.forbidden', 'tracepipelines/status.telemetry.kyma-project.io'],
      ]);
      assert.equal((await fetch(`${tocsin.url}/-/ready`)).status, 200);
    } finally {
      await tocsin.stop();
    }
  });

  it('action condition writes conditions and Events; the second sweep makes no call at all', async () => {
    const tocsin = await start('condition', 'writer', reader, writer);
    try {
      const id = await postAlerts(tocsin.url, [throttling]);
      await tocsin.log.waitForLine(sweepOf(id));
      assert.deepEqual(reasons(await trace('observed')), [
        'GatewayHealthy=Good',
        'TelemetryFlowHealthy=GatewayThrottling',
      ]);
      const told = await eventually(events, (found) => found.some(({ reason }) => reason === 'GatewayThrottling'));
      assert.ok(told.every(({ regarding }) => regarding.name === 'observed'));

      const calls = await callsOf(tocsin);
      assert.ok(calls >= 3, String(calls));
      const again = await postAlerts(tocsin.url, [throttling]);
      const swept = await tocsin.log.waitForLine(sweepOf(again));
      assert.deepEqual([swept['changed'], swept['unchanged'], swept['failed']], [0, 3, 0]);
      await eventually(events, (found) => found.length === told.length);
      assert.ok((await callsOf(tocsin)) - calls <= 3, 'Events of the first sweep at most');
    } finally {
      await tocsin.stop();
    }
  });

  it('follows each alert, however fast they come and go', async () => {
    const tocsin = await start('condition', 'flapper', reader, writer);
    try {
      await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
      for (let time = 0; time < 30; time++) {
        const endsAt = new Date(systemClock.now() - 1).toISOString();
        const times = time % 2 === 0 ? {} : { startsAt: '2026-01-01T00:00:00Z', endsAt };
        const id = await postAlerts(tocsin.url, [{ ...throttling, ...times }]);
        const swept = await tocsin.log.waitForLine(sweepOf(id));
        assert.equal(swept['changed'], 1, `the TracePipeline, time ${time}`);
      }
      const expected = ['GatewayHealthy=Good', 'TelemetryFlowHealthy=FlowHealthy'];
      assert.deepEqual(reasons(await trace('observed')), expected);
    } finally {
      await tocsin.stop();
    }
  });
});

/** How many writing calls to the API server the process has made. */
async function callsOf({ url }: TocsinProcess): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return [...page.matchAll(/^rest_client_requests_total\{method="(?:PATCH|POST)",.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}
