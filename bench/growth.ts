import { startFakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { growthPlot } from './growth-plot.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import type { Row } from './table.ts';

/** How the duration of one sweep grows with the number of pipelines, standalone. */
export const growth: Section = {
  name: 'growth',
  title: 'Growth: one sweep of all pipelines, standalone',
  async run({ quick }) {
    const rows: Row[] = [];
    for (const pipelines of quick ? [10, 100] : [10, 100, 1000, 5000])
      rows.push(await sweeps(pipelines, quick ? 2 : 5));
    return { rows, raw: rows, plots: [growthPlot('growth', 'Growth, standalone', rows)] };
  },
};

async function sweeps(pipelines: number, rounds: number): Promise<Row> {
  const manifests = await writeManifests(pipelines);
  const prometheus = await startFakePrometheus();
  const tocsin = await startBundle({
    config: 'source: { debounce: { wait: 10ms } }',
    args: [`--prometheus.url=${prometheus.url}`, `--pipelines.folder=${manifests.folder}`],
  });
  const throttling = { labels: { alertname: 'TraceGatewayThrottling' }, state: 'firing' } as const;
  try {
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 60_000);
    const queriesBefore = prometheus.queries();
    const unchanged: number[] = [];
    const changed: number[] = [];
    let cpu = 0;
    for (let round = 0; round < rounds; round++) {
      const cpuBefore = cpuSeconds(tocsin.child.pid);
      unchanged.push(await sweep(tocsin));
      cpu += cpuSeconds(tocsin.child.pid) - cpuBefore;
      prometheus.answer(round % 2 === 0 ? [throttling] : []);
      changed.push(await sweep(tocsin));
    }
    return {
      pipelines,
      'unchanged, ms': spread(unchanged).median.toFixed(),
      'unchanged, CPU µs per pipeline': ((cpu / rounds / pipelines) * 1e6).toFixed(),
      'all changed and written, ms': spread(changed).median.toFixed(),
      'Prometheus queries per sweep': (prometheus.queries() - queriesBefore) / (2 * rounds),
    };
  } finally {
    await Promise.allSettled([tocsin.stop(), prometheus.stop(), manifests.remove()]);
  }
}

/** From the POST to the end of the sweep that it causes, in milliseconds. */
async function sweep(tocsin: TocsinProcess): Promise<number> {
  const seen = tocsin.log.all.length;
  const startedAt = performance.now();
  await postAlerts(tocsin.url, [{ labels: { alertname: 'InstanceDown' } }]);
  await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 60_000, seen);
  return performance.now() - startedAt;
}
