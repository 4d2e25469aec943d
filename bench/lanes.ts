import { setTimeout } from 'node:timers/promises';
import { startFakePrometheus, type FakeAlert, type FakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { LoadProcess } from './load-process.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import { latencies } from './statistics.ts';
import { milliseconds } from './table.ts';

const pipelines = 500;
const alertsPerSecond = 10_000;
const batch = 64;
/** Longer than the debouncer waits, so that each alert of the platform is the first after quiet in its lane. */
const gapMs = 550;

/** How long an answer of Prometheus takes: at once, or as long as one with many rules. */
const answerTimes = [0, 200];

/**
 * Alerts of the platform, one after the other, each about a pipeline of its own, first alone and then in a flood of alerts of users.
 * Everything is asked for by every event, so the flood keeps Tocsin looking at all pipelines.
 */
export const lanes: Section = {
  name: 'lanes',
  title: `Alerts of the platform in a flood: ${alertsPerSecond} alerts of users a second, ${pipelines} pipelines`,
  async run({ quick }) {
    const samples = quick ? 20 : 60;
    const rows = [];
    const raw: Record<string, readonly number[]> = {};
    for (const answerMs of answerTimes) {
      for (const label of ['platform', 'user'] as const) {
        const [alone, flooded] = await measure(samples, answerMs, label);
        const added = latencies(flooded).p99 - latencies(alone).p99;
        raw[`${label}, ${answerMs} ms`] = flooded;
        raw[`${label}, ${answerMs} ms, alone`] = alone;
        rows.push({
          'alert of': label,
          'answer of Prometheus, ms': answerMs,
          'alone, ms: p50 / p99 / max': milliseconds(latencies(alone)),
          'in the flood, ms: p50 / p99 / max': milliseconds(latencies(flooded)),
          'added at p99, ms': added.toFixed(0),
          target: label === 'platform' ? '≤ 50' : '',
        });
      }
    }
    return { rows, raw };
  },
};

/** Milliseconds from sending an alert to its condition, alone and in the flood, in one process. */
async function measure(samples: number, answerMs: number, source: string): Promise<[number[], number[]]> {
  const manifests = await writeManifests(pipelines);
  const prometheus = await startFakePrometheus({ answerMs });
  const tocsin = await startBundle({
    args: [`--prometheus.url=${prometheus.url}`, `--pipelines.folder=${manifests.folder}`],
  });
  const generator = new LoadProcess();
  try {
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
    const firing: FakeAlert[] = [];
    const warmUp = 5;
    await react({ tocsin, prometheus, firing, source }, 0, warmUp);
    const alone = await react({ tocsin, prometheus, firing, source }, warmUp, samples);
    const flood = { connections: 16, mode: 're-sent', from: 0, batch, count: alertsPerSecond } as const;
    const passes = Math.ceil((samples * (gapMs + answerMs + 300)) / 1000) + 4;
    // It is stopped before its end.
    void generator.run({ ...flood, port: tocsin.port, passes, rate: alertsPerSecond / batch }, tocsin.child.pid);
    await setTimeout(2000);
    const flooded = await react({ tocsin, prometheus, firing, source }, warmUp + samples, samples);
    return [alone, flooded];
  } finally {
    generator.stop();
    await Promise.allSettled([tocsin.stop(), prometheus.stop(), manifests.remove()]);
  }
}

interface Scene {
  readonly tocsin: TocsinProcess;
  readonly prometheus: FakePrometheus;
  readonly firing: FakeAlert[];
  readonly source: string;
}

async function react({ tocsin, prometheus, firing, source }: Scene, from: number, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = from; index < from + count; index++) {
    const name = `p-${index % pipelines}`;
    const labels = { alertname: 'TraceGatewayThrottling', openshift_io_alert_source: source, pipeline_name: name };
    firing.push({ labels, state: 'firing' });
    prometheus.answer(firing);
    const seen = tocsin.log.all.length;
    const written = tocsin.log.waitForLine(
      (line) => line.event === 'condition.changed' && line['name'] === name,
      30_000,
      seen,
    );
    const sentAt = Date.now();
    await postAlerts(tocsin.url, [{ labels }]);
    times.push(Date.parse((await written).time) - sentAt);
    await setTimeout(gapMs);
  }
  return times;
}
