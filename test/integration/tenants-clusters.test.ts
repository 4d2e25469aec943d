import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { flowHealthOf, KubeAdmin } from '../support/kube-admin.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../support/kube-api-server.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const rules = JSON.stringify({
  groups: [{ name: 'test', rules: [{ alert: 'TraceGatewayThrottling', expr: 'vector(1)' }] }],
});

/** One Tocsin, two clusters, and a Prometheus that knows one of them. */
describe('two tenants in two clusters', { skip: skipWithoutKube() || skipWithout('prometheus') }, () => {
  let clusters: readonly KubeApiServer[] = [];
  let admins: readonly KubeAdmin[] = [];
  let prometheus: ServerProcess | undefined;
  let tocsin: TocsinProcess;

  before(async () => {
    clusters = await Promise.all([startKubeApiServer(), startKubeApiServer()]);
    admins = clusters.map((cluster) => new KubeAdmin(cluster));
    await Promise.all(admins.map((admin) => admin.create('TracePipeline', ['p'])));
    const list = clusters.map(({ kubeconfig }, index) => ({
      name: `team-${index}`,
      pipelines: { kubernetes: { kubeconfig } },
    }));
    tocsin = await startTocsin({ config: JSON.stringify({ tenants: { by: 'path', list } }) });
  });

  after(async () => {
    await Promise.allSettled([tocsin?.stop(), prometheus?.stop()]);
    await Promise.allSettled(admins.map((admin) => admin.close()));
    await Promise.allSettled(clusters.map((cluster) => cluster.stop()));
  });

  const reasonIn = async (cluster: number): Promise<string | undefined> => {
    const [pipeline] = await admins[cluster]!.list('TracePipeline');
    return flowHealthOf(pipeline!)?.reason;
  };
  const hasReason = (cluster: number, reason: string): Promise<unknown> =>
    eventually(
      () => reasonIn(cluster),
      (found) => found === reason,
    );

  it('are reconciled by the alerts of their own Prometheus alone, which finds the tenant by path_prefix', async () => {
    await Promise.all([hasReason(0, 'FlowHealthy'), hasReason(1, 'FlowHealthy')]);
    const pathPrefix = '/team-0/prom/alertmanager';
    const target = new URL(tocsin.url).host;
    prometheus = await startPrometheus({ rules, alertmanagers: [target], pathPrefix, resendDelay: '1s' });
    await hasReason(0, 'GatewayThrottling');
    assert.equal(await reasonIn(1), 'FlowHealthy');
    const alerts = (await (await fetch(`${tocsin.url}/team-1/api/v2/alerts`)).json()) as readonly unknown[];
    assert.deepEqual(alerts, []);
  });

  it('go on when the API server of another one hangs', async () => {
    const [hanging] = clusters;
    process.kill(hanging!.pid('apiserver'), 'SIGSTOP');
    try {
      const response = await fetch(`${tocsin.url}/team-1/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify([{ labels: { alertname: 'TraceGatewayAllDataDropped' } }]),
      });
      assert.equal(response.status, 200);
      await hasReason(1, 'GatewayAllTelemetryDataDropped');
    } finally {
      process.kill(hanging!.pid('apiserver'), 'SIGCONT');
    }
  });
});
