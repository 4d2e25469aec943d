import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../../src/prometheus/fake-prometheus.fixture.ts';
import { flowHealthOf, KubeAdmin } from '../../support/kube-admin.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import type { LogLine } from '../../support/log-lines.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { residentBytes } from '../../support/resident-memory.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { sweepOf } from '../../support/sweep-lines.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const count = 20;
const names = Array.from({ length: count }, (_, index) => `p-${index}`);
const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };
const dropping = { labels: { alertname: 'TraceGatewayAllDataDropped' } };
const account = 'survivor';
const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];
const mebibyte = 1024 * 1024;

describe('a process, while what it stands on fails', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let admin: KubeAdmin;
  let prometheus: FakePrometheus;
  let tocsin: TocsinProcess;
  let tokenFile: string;
  let earlier: Footprint;

  before(async () => {
    admin = new KubeAdmin(kube());
    prometheus = await startFakePrometheus();
    await admin.create('TracePipeline', names);
    tokenFile = join(kube().folder, 'rotating-token');
    const kubeconfig = await kubeconfigWith(kube(), account, files);
    const text = await readFile(kubeconfig, 'utf8');
    const [line = '', token = ''] = /token: (\S+)/.exec(text) ?? [];
    await writeFile(tokenFile, token);
    await writeFile(kubeconfig, text.replace(line, `tokenFile: ${tokenFile}`));
    const config = '{source: {debounce: {wait: 0s, max_wait: 1ms}}, pipelines: {kubernetes: {qps: 500, burst: 500}}}';
    tocsin = await startTocsin({
      config,
      args: [`--kubeconfig=${kubeconfig}`, `--prometheus.url=${prometheus.url}`],
    });
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
    assert.deepEqual(await reasons(), ['FlowHealthy']);
    earlier = footprintOf(tocsin);
  });

  after(async () => void (await Promise.allSettled([tocsin?.stop(), prometheus?.stop(), admin?.close()])));

  it('writes what it has to after ten seconds without etcd, in which its token was replaced', async () => {
    const old = await readFile(tokenFile, 'utf8');
    // A new account of the same name has the same rights; the tokens of the old one are refused within 10 s.
    await kube().kubectl(['delete', 'serviceaccount', account]);
    await kube().kubectl(['create', 'serviceaccount', account]);
    await writeFile(tokenFile, `${await kube().createToken(account, 'default')}\n`);
    prometheus.answer([{ ...throttling, state: 'firing' }]);

    const stoppedAt = systemClock.now();
    process.kill(kube().pid('etcd'), 'SIGSTOP');
    const id = await postAlerts(tocsin.url, [throttling]);
    await eventually(
      async () => [await statusOf('/-/healthy'), await statusOf('/-/ready'), systemClock.now() - stoppedAt] as const,
      ([healthy, ready, ms]) => {
        assert.deepEqual([healthy, ready], [200, 200]);
        return ms >= 10_000;
      },
    );
    process.kill(kube().pid('etcd'), 'SIGCONT');

    await tocsin.log.waitForLine(sweepOf(id), 60_000);
    await becomes('GatewayThrottling');
    await eventually(
      () => statusAs(old),
      (status) => status === 401,
    );
    await isAsItWas(throttling);
  });

  it('writes what it has to after the API server was killed and started again on the same data', async () => {
    prometheus.answer([{ ...dropping, state: 'firing' }]);
    const seen = tocsin.log.all.length;
    process.kill(kube().pid('apiserver'), 'SIGKILL');
    const id = await postAlerts(tocsin.url, [dropping]);
    const swept = await tocsin.log.waitForLine(sweepOf(id), 60_000);
    assert.equal(swept['failed'], count);
    await kube().restart();

    await becomes('GatewayAllTelemetryDataDropped');
    // It continues where it was: it neither forgot nor reported again what it knew.
    await eventually(
      () => newest('reflector.watching', seen),
      (found) => found.length >= 3,
      60_000,
    );
    assert.deepEqual(
      tocsin.log.all.slice(seen).filter(({ event }) => event.startsWith('pipeline.')),
      [],
    );
    await isAsItWas(dropping);
    // Every connection to the API server is a new one.
    await eventually(
      () => footprintOf(tocsin).sockets,
      (sockets) => sockets <= earlier.sockets,
      70_000,
    );
  });

  /** A sweep without changes writes nothing, new alerts are noticed, and the fault leaves nothing behind. */
  async function isAsItWas(alert: typeof throttling): Promise<void> {
    const versions = await resourceVersions();
    const swept = await tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, [alert])));
    assert.deepEqual([swept['requests'], swept['changed'], swept['failed']], [count, 0, 0]);
    assert.deepEqual(await resourceVersions(), versions);
    const late = 'after-the-fault';
    await admin.create('TracePipeline', [late]);
    await eventually(
      async () => flowHealthOf((await admin.list('TracePipeline')).find(({ metadata }) => metadata.name === late)!),
      (flow) => flow !== undefined,
      60_000,
    );
    await admin.delete('TracePipeline', late);
    await tocsin.log.waitForLine(({ event, name }) => event === 'pipeline.removed' && name === late);
    const { sockets, bytes } = footprintOf(tocsin);
    // Connections to the API server stay open for a minute: 16 at most.
    assert.ok(sockets <= earlier.sockets + 16, `${sockets} sockets, ${earlier.sockets} earlier`);
    assert.ok(bytes < earlier.bytes + 64 * mebibyte, `${bytes} bytes, ${earlier.bytes} earlier`);
  }

  async function becomes(reason: string): Promise<void> {
    await eventually(reasons, (found) => found.join() === reason, 60_000);
  }

  async function reasons(): Promise<readonly string[]> {
    const found = (await admin.list('TracePipeline')).map((pipeline) => flowHealthOf(pipeline)?.reason ?? 'none');
    return [...new Set(found)];
  }

  async function resourceVersions(): Promise<readonly (string | undefined)[]> {
    return (await admin.list('TracePipeline')).map(({ metadata }) => metadata.resourceVersion);
  }

  async function statusOf(path: string): Promise<number> {
    return (await fetch(`${tocsin.url}${path}`)).status;
  }

  async function statusAs(token: string): Promise<number> {
    const path = '/apis/telemetry.kyma-project.io/v1beta1/tracepipelines?limit=1';
    const args = ['get', '--raw', path, `--token=${token}`];
    return (await tryKubectl(args, { kubeconfig: kube().kubeconfig })).code === 0 ? 200 : 401;
  }

  function newest(event: string, from: number): readonly LogLine[] {
    return tocsin.log.all.slice(from).filter((line) => line.event === event);
  }
});

interface Footprint {
  readonly sockets: number;
  readonly bytes: number;
}

function footprintOf({ child: { pid } }: TocsinProcess): Footprint {
  const folder = `/proc/${pid}/fd`;
  const isSocket = (name: string): boolean => {
    try {
      return readlinkSync(join(folder, name)).startsWith('socket:');
    } catch {
      return false; // closed meanwhile
    }
  };
  return { sockets: readdirSync(folder).filter(isSocket).length, bytes: residentBytes(pid) };
}
