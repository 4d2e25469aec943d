import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
 * The rounds with one process, and those before that warm it up. V8 settles differently in each process: one may take a quarter more CPU
 * than the next, with history or without it.
 */
const roundsOfProcess = 6;
const warmUpRounds = 2;

/** The history is switched by a reload, so that the same process is measured with it and without it. */
const configs = { on: 'log: {}\n', off: 'history: {retention: 0s}\n' } as const;

/** A fact waits for up to a second before it is written; that cost must be included. */
const waitMs = 1200;

interface Measurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly process: number;
  readonly round: number;
  readonly on: number;
  readonly off: number;
}

/** History: alerts per CPU-second with history and without it, in turn, in the same process. */
export const history: Section = {
  name: 'history',
  title: 'History: alerts per CPU-second with it and without it',
  async run({ quick }) {
    const raw: Measurement[] = [];
    for (const batch of quick ? [64] : batches)
      for (let process = 0; process < (quick ? 1 : 3); process++) raw.push(...(await measure(batch, process)));
    return { rows: rows(raw), raw };
  },
};

/** The order of the two changes from round to round. */
async function measure(batch: number, process: number): Promise<Measurement[]> {
  const server = await startBundle({ config: configs.on });
  const generator = new LoadProcess();
  const measured: Measurement[] = [];
  try {
    for (let round = -warmUpRounds; round < roundsOfProcess; round++) {
      const rates = { on: new Map<IngestMode, number>(), off: new Map<IngestMode, number>() };
      for (const name of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
        await reload(server, configs[name]);
        for (const mode of modes) rates[name].set(mode, await alertsPerCpuSecond(generator, server, batch, mode));
      }
      if (round < 0) continue;
      for (const mode of modes)
        measured.push({ batch, mode, process, round, on: rates.on.get(mode)!, off: rates.off.get(mode)! });
    }
    return measured;
  } finally {
    generator.stop();
    await server.stop();
  }
}

async function reload({ folder, url }: TocsinProcess, config: string): Promise<void> {
  await writeFile(join(folder, 'tocsin.yml'), config);
  const { status } = await fetch(`${url}/-/reload`, { method: 'POST' });
  if (status !== 200) throw new Error(`the reload was answered ${status}`);
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
