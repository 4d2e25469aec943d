import { LoadProcess } from './load-process.ts';
import { startBundle } from './peers.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import { ratio, thousands, type Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];
const batches = [1, 64, 256];

/** A fact waits for up to a second before it is written; that cost must be included. */
const waitMs = 1500;

interface Measurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly round: number;
  readonly on: number;
  readonly off: number;
}

/** History: alerts per CPU-second with history and without it, alternately. */
export const history: Section = {
  name: 'history',
  title: 'History: alerts per CPU-second with it and without it',
  async run({ quick }) {
    const rounds = quick ? 2 : 5;
    const raw: Measurement[] = [];
    for (const batch of quick ? [64] : batches)
      for (let round = 0; round < rounds; round++) raw.push(...(await measure(batch, round)));
    return { rows: rows(raw), raw };
  },
};

/** The order of the two changes from round to round. */
async function measure(batch: number, round: number): Promise<Measurement[]> {
  const first = await alertsPerCpuSecond(batch, round % 2 === 0);
  const second = await alertsPerCpuSecond(batch, round % 2 !== 0);
  const [on, off] = round % 2 === 0 ? [first, second] : [second, first];
  return modes.map((mode, index) => ({ batch, mode, round, on: on[index]!, off: off[index]! }));
}

/** One figure per mode, for a server that is warm. */
async function alertsPerCpuSecond(batch: number, isOn: boolean): Promise<readonly number[]> {
  const server = await startBundle({ config: isOn ? 'log: {}\n' : 'history: {retention: 0s}\n' });
  const generator = new LoadProcess();
  const count = batch === 1 ? 8000 : 40_000;
  try {
    const load = { port: server.port, connections: 4, batch, from: 0, count, passes: 1 };
    // As in `ingest`: with more, the store is full, and each new alert has another one forgotten.
    const warmUp = { ...load, count: Math.min(15_000, 2000 * batch) };
    for (let round = 1; round <= 3; round++)
      for (const mode of modes)
        await generator.warmUp({ ...warmUp, mode, from: 500_000 * round, passes: mode === 're-sent' ? 8 : 1 });
    const measured: number[] = [];
    for (const mode of modes) {
      const passes = mode === 're-sent' ? 4 : 1;
      const { alerts, cpuSeconds } = await generator.run({ ...load, mode, passes }, server.child.pid, waitMs);
      measured.push(alerts / cpuSeconds);
    }
    return measured;
  } finally {
    generator.stop();
    await server.stop();
  }
}

function rows(raw: readonly Measurement[]): Row[] {
  return [...Map.groupBy(raw, ({ batch, mode }) => `${batch} ${mode}`).values()].map((group) => ({
    'alerts a POST': group[0]!.batch,
    alerts: group[0]!.mode,
    'with history': thousands(spread(group.map(({ on }) => on))),
    without: thousands(spread(group.map(({ off }) => off))),
    'with ÷ without': ratio(spread(group.map(({ on, off }) => on / off))),
  }));
}
