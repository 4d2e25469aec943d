import { setTimeout } from 'node:timers/promises';
import { eventually } from '../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakeAlert, type FakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import type { LogLine } from '../test/support/log-lines.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { LoadProcess, type MeasuredLoad } from './load-process.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import { latencies } from './statistics.ts';
import { milliseconds } from './table.ts';

const pipelines = 500;
const alertsPerSecond = 10_000;
const batch = 64;
const debounceWaitSeconds = 0.5;

/**
 * A storm of alerts that concern nobody, and within it, one after the other, an alert for each pipeline. Prometheus reports each of
 * these from just before it is pushed. An effect is lost if a pipeline's condition does not mention its alert in the end.
 */
export const storm: Section = {
  name: 'storm',
  title: `Storm: ${alertsPerSecond} alerts a second, ${pipelines} pipelines`,
  async run({ quick }) {
    const seconds = quick ? 4 : 30;
    const manifests = await writeManifests(pipelines);
    const prometheus = await startFakePrometheus();
    const tocsin = await startBundle({
      args: [`--prometheus.url=${prometheus.url}`, `--pipelines.folder=${manifests.folder}`],
    });
    const generator = new LoadProcess();
    try {
      await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
      const queriesBefore = prometheus.queries();
      const linesBefore = tocsin.log.all.length;
      const load = {
        port: tocsin.port,
        connections: 16,
        mode: 're-sent',
        from: 0,
        batch,
        count: alertsPerSecond,
      } as const;
      const rate = alertsPerSecond / batch;
      const loaded = generator.run({ ...load, passes: seconds, rate }, tocsin.child.pid);
      const sentAt = await fireOneByOne(tocsin, prometheus, seconds);
      const result = await loaded;
      return report(
        await linesAfter(tocsin, linesBefore),
        sentAt,
        result,
        prometheus.queries() - queriesBefore,
        seconds,
      );
    } finally {
      generator.stop();
      await Promise.allSettled([tocsin.stop(), prometheus.stop(), manifests.remove()]);
    }
  },
};

/** Returns when each pipeline's alert was sent, in milliseconds since the epoch. */
async function fireOneByOne(
  tocsin: TocsinProcess,
  prometheus: FakePrometheus,
  seconds: number,
): Promise<Map<string, number>> {
  const sentAt = new Map<string, number>();
  const firing: FakeAlert[] = [];
  // All alerts come within four fifths of the storm, after it has begun.
  const gapMs = (seconds * 800) / pipelines;
  await setTimeout(1000);
  for (let index = 0; index < pipelines; index++) {
    const labels = { alertname: 'TraceGatewayThrottling', pipeline_name: `p-${index}` };
    firing.push({ labels, state: 'firing' });
    prometheus.answer(firing);
    sentAt.set(`p-${index}`, Date.now());
    await postAlerts(tocsin.url, [{ labels }]);
    await setTimeout(gapMs);
  }
  return sentAt;
}

/** The log lines of the storm, once all its effects have ended: a second without a reconcile. */
async function linesAfter(tocsin: TocsinProcess, from: number): Promise<LogLine[]> {
  let last = -1;
  await eventually(
    async () => {
      const before = last;
      last = tocsin.log.all.length;
      await setTimeout(1000);
      return before;
    },
    (before) => before === tocsin.log.all.length,
  );
  return tocsin.log.all.slice(from);
}

function report(
  lines: readonly LogLine[],
  sentAt: ReadonlyMap<string, number>,
  load: MeasuredLoad,
  queries: number,
  seconds: number,
): Awaited<ReturnType<Section['run']>> {
  const reconciles = Map.groupBy(
    lines.filter(({ event }) => event === 'reconcile.started'),
    (line) => String(line['name']),
  );
  const most = Math.max(...[...reconciles.values()].map((started) => started.length));
  const changed = lines.filter(({ event, to }) => event === 'condition.changed' && to === 'False');
  const written = changed.map((line) => Date.parse(line.time) - sentAt.get(String(line['name']))!);
  const lost = pipelines - new Set(changed.map((line) => line['name'])).size;
  const sweeps = lines.filter(({ event, requests }) => event === 'requests.enqueued' && requests !== 0).length;
  const bound = seconds / debounceWaitSeconds + 2;
  const rows = [
    { what: 'POST, ms: p50 / p99 / p99.9 / max', figure: milliseconds(load.latency, true), target: 'p99 ≤ 50' },
    { what: 'POSTs refused', figure: String(load.refused), target: '0' },
    { what: 'reconciles per pipeline, most', figure: String(most), target: `≤ ${bound}` },
    {
      what: 'alert sent → condition written, ms: p50 / p99 / max',
      figure: milliseconds(latencies(written)),
      target: 'p99 ≤ 1200',
    },
    { what: 'effects lost', figure: String(lost), target: '0' },
    { what: 'Prometheus queries', figure: String(queries), target: `${sweeps}, one per sweep` },
    {
      what: 'status writes',
      figure: String(lines.filter(({ event }) => event === 'condition.changed').length),
      target: `${pipelines}`,
    },
    { what: 'server CPU, seconds', figure: load.cpuSeconds.toFixed(1), target: '' },
    { what: 'server CPU, share of one core', figure: (load.cpuSeconds / load.seconds).toFixed(2), target: '' },
  ];
  return { rows, raw: { load, most, lost, queries, written } };
}
