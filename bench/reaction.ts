import { setTimeout } from 'node:timers/promises';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import { latencies } from './statistics.ts';
import { milliseconds } from './table.ts';

/**
 * After a pause this long the debouncer is quiet again, so that each alert goes out at once. The default wait of 500 ms would
 * only make the benchmark longer.
 */
const debounceWaitMs = 20;

/** From sending an alert to an idle Tocsin to its effects, all seen from outside: the time ends when the log line has been read. */
export const reaction: Section = {
  name: 'reaction',
  title: 'Reaction of an idle Tocsin: milliseconds from sending the POST to the line of the log (p50 / p99 / max)',
  async run({ quick }) {
    const manifests = await writeManifests(4);
    const config = `source: { debounce: { wait: ${debounceWaitMs}ms } }`;
    const tocsin = await startBundle({ config, args: [`--pipelines.folder=${manifests.folder}`] });
    try {
      const [started, written] = await react(tocsin, quick ? 30 : 500);
      const row = (to: string, values: readonly number[]): Record<string, string | number> => ({
        to,
        'p50 / p99 / max': milliseconds(latencies(values)),
        samples: values.length,
      });
      return {
        rows: [row('reconcile.started', started), row('condition.changed (status file written)', written)],
        raw: { started, written },
      };
    } finally {
      await tocsin.stop();
      await manifests.remove();
    }
  },
};

/** Fires and resolves alternately, so that each alert changes the condition. The first samples are a warm-up and are left out. */
async function react(tocsin: TocsinProcess, samples: number): Promise<[number[], number[]]> {
  const warmUp = 50;
  const started: number[] = [];
  const written: number[] = [];
  const labels = { alertname: 'TraceGatewayThrottling', pipeline_name: 'p-1' };
  for (let index = 0; index < warmUp + samples; index++) {
    await setTimeout(2 * debounceWaitMs);
    const seen = tocsin.log.all.length;
    const arrival = async (event: string): Promise<number> => {
      await tocsin.log.waitForLine((line) => line.event === event, 10_000, seen);
      return performance.now();
    };
    const arrivals = [arrival('reconcile.started'), arrival('condition.changed')] as const;
    const sentAt = performance.now();
    await postAlerts(tocsin.url, [index % 2 === 0 ? { labels } : { labels, endsAt: new Date().toISOString() }]);
    const [startedAt, writtenAt] = await Promise.all(arrivals);
    if (index < warmUp) continue;
    started.push(startedAt - sentAt);
    written.push(writtenAt - sentAt);
  }
  return [started, written];
}
