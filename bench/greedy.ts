import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import { greedyAlerts, modestAlert, shops, twoTeams } from '../test/support/greedy-team.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import { latencies } from './statistics.ts';
import { milliseconds } from './table.ts';

const greedyCount = 5000;
/** Longer than the debouncer waits, so that each alert is the first after quiet. */
const gapMs = 550;
/** An alert without a condition after that long counts as this long. */
const patienceMs = 10_000;

/** A team whose triggers are as large and many as is allowed, and another one, whose alerts ought not to wait for it. */
export const greedy: Section = {
  name: 'greedy',
  title: `A team with 50 triggers of the largest expressions and ${greedyCount} alerts that fire: an alert of another one, to its condition`,
  async run({ quick }) {
    const samples = quick ? 8 : 30;
    const { alone, beside } = await measure(samples);
    const [before, after] = [latencies(alone), latencies(beside)];
    const row = {
      'alone, ms: p50 / p99 / max': milliseconds(before),
      'beside the greedy team, ms: p50 / p99 / max': milliseconds(after),
      'ratio of the medians': (after.p50 / before.p50).toFixed(1),
      target: '≤ 50',
    };
    return { rows: [row], raw: { alone, beside } };
  },
};

async function measure(samples: number): Promise<Record<'alone' | 'beside', readonly number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-bench-'));
  await writeFile(join(folder, 'shops.yaml'), shops(100));
  const tocsin = await startBundle({ config: twoTeams('condition'), args: [`--pipelines.folder=${folder}`] });
  try {
    await tocsin.log.waitForLine(({ event }) => event === 'app.ready');
    await react(tocsin, 90, 5);
    const alone = await react(tocsin, 0, samples);
    for (let from = 0; from < greedyCount; from += 100) await postAlerts(tocsin.url, greedyAlerts(100, from));
    await setTimeout(1000);
    return { alone, beside: await react(tocsin, 40, samples) };
  } finally {
    await Promise.allSettled([tocsin.stop(), rm(folder, { recursive: true, force: true })]);
  }
}

/** Milliseconds from sending an alert to its condition. */
async function react(tocsin: TocsinProcess, from: number, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let shop = from; shop < from + count; shop++) {
    const seen = tocsin.log.all.length;
    const sentAt = Date.now();
    await postAlerts(tocsin.url, [modestAlert(shop % 100)]);
    const isWritten = tocsin.log.waitForLine(
      ({ event, namespace, name }) =>
        event === 'condition.changed' && namespace === 'modest' && name === `s-${shop % 100}`,
      patienceMs,
      seen,
    );
    times.push(
      await isWritten.then(
        (line) => Date.parse(line.time) - sentAt,
        () => patienceMs,
      ),
    );
    await setTimeout(gapMs);
  }
  return times;
}
