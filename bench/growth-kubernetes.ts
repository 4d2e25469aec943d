import { apiCalls } from '../test/support/api-calls.ts';
import { startFakePrometheus, type FakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { KubeAdmin } from '../test/support/kube-admin.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../test/support/kube-api-server.ts';
import type { LogLine } from '../test/support/log-lines.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import { sweepOf } from '../test/support/sweep-lines.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { growthPlot } from './growth-plot.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import type { Row } from './table.ts';

/** Higher than the default, so that the figures are of Tocsin and the API server, not of the wait between two calls. */
const qps = 2000;
const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };

/** How the duration of one sweep grows with the number of pipelines in a cluster. */
export const growthOnKubernetes: Section = {
  name: 'growth-kubernetes',
  title: `Growth: one sweep of all pipelines, on a real API server, pipelines.kubernetes.qps ${qps}`,
  async run({ quick }) {
    const missing = skipWithoutKube();
    if (missing !== false) return { rows: [{ 'left out': missing }], raw: [] };
    const kube = await startKubeApiServer();
    const admin = new KubeAdmin(kube);
    const rows: Row[] = [];
    try {
      let created = 0;
      for (const pipelines of quick ? [10] : [10, 100, 1000, 5000]) {
        const names = Array.from({ length: pipelines - created }, (_, index) => `p-${created + index}`);
        await admin.create('TracePipeline', names);
        created = pipelines;
        rows.push(await sweeps(kube, pipelines));
      }
    } finally {
      await admin.close();
      await kube.stop();
    }
    return { rows, raw: rows, plots: [growthPlot('growth-kubernetes', 'Growth, on a real API server', rows)] };
  },
};

async function sweeps(kube: KubeApiServer, pipelines: number): Promise<Row> {
  const prometheus = await startFakePrometheus();
  const config = `source: { debounce: { wait: 10ms } }\npipelines: { kubernetes: { qps: ${qps}, burst: ${qps} } }`;
  const tocsin = await startBundle({
    config,
    args: [`--kubeconfig=${kube.kubeconfig}`, `--prometheus.url=${prometheus.url}`],
  });
  try {
    // The sweep at the start brings all pipelines to the state in which nothing fires.
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 60_000);
    const unchanged = await sweep(tocsin, prometheus);
    prometheus.answer([{ ...throttling, state: 'firing' }]);
    const changed = await sweep(tocsin, prometheus);
    return {
      pipelines,
      'unchanged, ms': unchanged.ms.toFixed(),
      'writes, queries': `${unchanged.writes}, ${unchanged.queries}`,
      'all changed and written, ms': changed.ms.toFixed(),
      'writes of conditions, queries': `${changed.writes}, ${changed.queries}`,
    };
  } finally {
    await Promise.allSettled([tocsin.stop(), prometheus.stop()]);
  }
}

interface Sweep {
  /** From the POST to the end of the sweep. */
  readonly ms: number;
  /** PATCH calls to the API server. */
  readonly writes: number;
  /** Queries of Prometheus. */
  readonly queries: number;
}

async function sweep(tocsin: TocsinProcess, prometheus: FakePrometheus): Promise<Sweep> {
  const [before, queriesBefore] = [await apiCalls(tocsin), prometheus.queries()];
  const startedAt = performance.now();
  const isFinished: (line: LogLine) => boolean = sweepOf(await postAlerts(tocsin.url, [throttling]));
  await tocsin.log.waitForLine(isFinished, 60_000);
  const ms = performance.now() - startedAt;
  const { PATCH } = await apiCalls(tocsin);
  return { ms, writes: PATCH - before.PATCH, queries: prometheus.queries() - queriesBefore };
}
