import { setTimeout } from 'node:timers/promises';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { startFaultProxy } from '../../test/support/fault-proxy.ts';
import { skipWithoutKube, startKubeApiServer } from '../../test/support/kube-api-server.ts';
import { kubeconfigWith } from '../../test/support/service-account.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim, type Victim } from '../victim.ts';

/** With the rights of the project's own manifests. */
const roles = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];
/** As many as the workers: all of them hang the first time, and afterwards Tocsin knows what failed. */
const workers = 4;
const hung = Array.from({ length: workers }, (_, index) => `hung-${index}`);
/** A call to the API server ends after 30 s. */
const firstRoundMs = 45_000;
/** The debouncer's second, and as much again for a busy machine. */
const withinMs = 3000;
/** The heap that the pod has: 60 % of 640 MiB. */
const podHeap = '--max-old-space-size=384';

/** The writes of some objects hang for good, for example in a webhook, and alerts about them keep coming. Others must not wait for them. */
export const hangingWrites: Fault = {
  name: 'writes of some objects hang',
  guard: { file: 'workqueue/fair-lanes.ts', from: 'return this.#failedRunning < this.limit;', to: 'return true;' },
  run: hangSome,
};

async function hangSome({ quick, main }: FaultOptions): Promise<FaultResult> {
  const tally = new Tally();
  const skipped = skipWithoutKube();
  if (skipped !== false) return { ...tally.result, skipped };
  const healthy = Array.from({ length: quick ? 3 : 10 }, (_, index) => `healthy-${index}`);
  const server = await startKubeApiServer();
  const [proxy, prometheus] = [await startFaultProxy(server), await startFakePrometheus()];
  let victim: Victim | undefined;
  try {
    await server.apply(...[...hung, ...healthy].map(tracePipeline));
    victim = await startVictim({
      nodeArgs: [podHeap],
      config: `{source: {select: labels}, controller: {max_concurrent_reconciles: ${workers}}}`,
      args: [
        `--kubeconfig=${await kubeconfigWith(server, 'tocsin', roles, proxy.url)}`,
        `--prometheus.url=${prometheus.url}`,
      ],
      ...(main !== undefined && { main }),
    });
    await victim.log.waitForLine(({ event }) => event === 'sweep.finished', firstRoundMs);
    proxy.fault = ({ method, url }) => (method === 'PATCH' && url.includes('/hung-') ? { kind: 'silence' } : undefined);
    await fire(victim, prometheus, hung);
    const failed = ({ event, name }: { event: string; name?: unknown }): boolean =>
      event === 'reconcile.failed' && String(name) === hung.at(-1);
    await victim.log.waitForLine(failed, firstRoundMs);
    for (const name of healthy) await tally.try(name, () => changes(victim!, prometheus, name));
  } finally {
    await Promise.allSettled([victim?.stop(), proxy.close(), prometheus.stop()]);
    await server.stop();
  }
  return tally.result;
}

/** The time from the alert about a healthy pipeline to its condition, in milliseconds; alerts about the hanging ones come just before. */
async function changes(victim: Victim, prometheus: FakePrometheus, name: string): Promise<number> {
  await postAlerts(victim.url, hung.map(alert));
  await setTimeout(1500);
  const startedAt = performance.now();
  // It became True at the start.
  const isChanged = (line: { event: string; name?: unknown; to?: unknown }): boolean =>
    line.event === 'condition.changed' && line.name === name && line.to === 'False';
  const changed = victim.log.waitForLine(isChanged, withinMs);
  await Promise.all([fire(victim, prometheus, [name]), changed]);
  return performance.now() - startedAt;
}

/** Prometheus reports these alerts from now on, and pushes them. */
async function fire(victim: Victim, prometheus: FakePrometheus, names: readonly string[]): Promise<void> {
  const all = [...new Set([...hung, ...names])];
  prometheus.answer(all.map((name) => ({ ...alert(name), state: 'firing' })));
  await postAlerts(victim.url, names.map(alert));
}

function alert(pipeline: string): { readonly labels: Readonly<Record<string, string>> } {
  return { labels: { alertname: 'TraceGatewayThrottling', pipeline_name: pipeline } };
}

function tracePipeline(name: string): object {
  const spec = { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } };
  return { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', metadata: { name }, spec };
}
