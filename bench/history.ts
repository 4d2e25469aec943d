import { LoadProcess } from './load-process.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { startBundle } from './peers.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import { ratio, thousands, type Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];
const batches = [1, 64, 256];

/**
 * The rounds with one pair of servers; the first of them are a warm-up. V8 sizes the heap of a process by its first seconds, and one with
 * a small young generation takes up to a quarter more CPU, with history or without it: so there are several pairs.
 */
const roundsOfPair = 4;
const warmUpRounds = 2;

/** A fact waits for up to a second before it is written; that cost must be included. */
const waitMs = 1200;

interface Measurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly pair: number;
  readonly round: number;
  readonly on: number;
  readonly off: number;
}

/** History: alerts per CPU-second with history and without it. The two servers run at once, and take the same alerts in turn. */
export const history: Section = {
  name: 'history',
  title: 'History: alerts per CPU-second with it and without it',
  async run({ quick }) {
    const raw: Measurement[] = [];
    for (const batch of quick ? [64] : batches)
      for (let pair = 0; pair < (quick ? 1 : 3); pair++) raw.push(...(await measure(batch, pair)));
    return { rows: rows(raw), raw };
  },
};

/** The order of the two changes from round to round. */
async function measure(batch: number, pair: number): Promise<Measurement[]> {
  const configs = ['log: {}\n', 'history: {retention: 0s}\n'];
  const servers = await Promise.all(configs.map((config) => startBundle({ config })));
  const generator = new LoadProcess();
  const measured: Measurement[] = [];
  try {
    for (let round = -warmUpRounds; round < roundsOfPair; round++) {
      for (const mode of modes) {
        const figures = { on: 0, off: 0 };
        for (const name of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const))
          figures[name] = await alertsPerCpuSecond(generator, servers[name === 'on' ? 0 : 1]!, batch, mode);
        if (round >= 0) measured.push({ batch, mode, pair, round, ...figures });
      }
    }
    return measured;
  } finally {
    generator.stop();
    await Promise.allSettled(servers.map((server) => server.stop()));
  }
}

async function alertsPerCpuSecond(
  generator: LoadProcess,
  server: TocsinProcess,
  batch: number,
  mode: IngestMode,
): Promise<number> {
  const [count, passes] = [batch === 1 ? 8000 : 40_000, mode === 're-sent' ? 4 : 1];
  const load = { port: server.port, connections: 4, batch, mode, from: 0, count, passes };
  const { alerts, cpuSeconds } = await generator.run(load, server.child.pid, waitMs);
  return alerts / cpuSeconds;
}

/** CPU time of the same alerts, all rounds together. */
function ratioOfTotals(group: readonly Measurement[]): string {
  const cpuSeconds = (rates: readonly number[]): number => rates.reduce((sum, rate) => sum + 1 / rate, 0);
  return (cpuSeconds(group.map(({ off }) => off)) / cpuSeconds(group.map(({ on }) => on))).toFixed(2);
}

function rows(raw: readonly Measurement[]): Row[] {
  return [...Map.groupBy(raw, ({ batch, mode }) => `${batch} ${mode}`).values()].map((group) => ({
    'alerts a POST': group[0]!.batch,
    alerts: group[0]!.mode,
    'with history': thousands(spread(group.map(({ on }) => on))),
    without: thousands(spread(group.map(({ off }) => off))),
    'with ÷ without': ratio(spread(group.map(({ on, off }) => on / off))),
    'all rounds': ratioOfTotals(group),
  }));
}
