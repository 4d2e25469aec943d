import { setTimeout } from 'node:timers/promises';
import { LoadProcess } from './load-process.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { startBundle } from './peers.ts';
import { cpuSeconds } from './process-usage.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { medianWithin, spread } from './statistics.ts';
import { thousands, type Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];
const batches = [1, 64];

/** The alerts of one turn of a server, some 15 ms of CPU time, and the turns of a measurement. */
const turnAlerts: Readonly<Record<number, number>> = { 1: 500, 64: 4000 };
const turns = 20;

/** How often each kind is sent before that: V8 compiles for thousands of POSTs. */
const warmUps = 2;

const configs = ['log: {}\n', 'history: {retention: 0s}\n'] as const;

/** A fact waits for up to a second before it is written; that cost must be included. */
const writtenMs = 1200;

/** Alerts per CPU-second of one pair of processes. */
interface Measurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly pair: number;
  readonly on: number;
  readonly off: number;
}

/**
 * History: alerts per CPU-second with it and without it. Two servers take turns of some 15 ms of CPU time, so that other work on the
 * machine slows both alike. Each pair of processes is a new one, because V8 makes one process faster than the next. A reload that switches
 * the history in one process would measure something else: V8 forgets the code of what is off.
 */
export const history: Section = {
  name: 'history',
  title: 'History: alerts per CPU-second with it and without it',
  async run({ quick }) {
    const raw: Measurement[] = [];
    for (const batch of batches)
      for (let pair = 0; pair < (quick ? 6 : 24); pair++) raw.push(...(await measurePair(batch, pair)));
    return { rows: rows(raw), raw };
  },
};

async function measurePair(batch: number, pair: number): Promise<readonly Measurement[]> {
  const servers = await Promise.all(configs.map((config) => startBundle({ config })));
  const turnTaking = new TurnTaking(servers, batch);
  try {
    for (let time = 0; time < warmUps; time++) for (const mode of modes) await turnTaking.run(mode);
    const measured: Measurement[] = [];
    for (const mode of modes) {
      const [on, off] = await turnTaking.measure(mode);
      measured.push({ batch, mode, pair, on: on!, off: off! });
    }
    return measured;
  } finally {
    turnTaking.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

class TurnTaking {
  readonly #generator = new LoadProcess();
  readonly #servers: readonly TocsinProcess[];
  readonly #batch: number;
  readonly #count: number;

  constructor(servers: readonly TocsinProcess[], batch: number) {
    this.#servers = servers;
    this.#batch = batch;
    this.#count = turnAlerts[batch]!;
  }

  stop(): void {
    this.#generator.stop();
  }

  /** The alerts per CPU-second of each server. */
  async measure(mode: IngestMode): Promise<readonly number[]> {
    const cpu = (): number[] => this.#servers.map(({ child }) => cpuSeconds(child.pid));
    const before = cpu();
    await this.run(mode);
    await setTimeout(writtenMs);
    return cpu().map((seconds, index) => (turns * this.#count) / (seconds - before[index]!));
  }

  /** The same alerts for each server; the one that comes first changes. */
  async run(mode: IngestMode): Promise<void> {
    const common = { connections: 4, batch: this.#batch, mode, count: this.#count, passes: 1 };
    for (let turn = 0; turn < turns; turn++)
      for (const { port } of turn % 2 === 0 ? this.#servers : this.#servers.toReversed())
        await this.#generator.warmUp({ ...common, port, from: turn * this.#count });
  }
}

function rows(raw: readonly Measurement[]): Row[] {
  return [...Map.groupBy(raw, ({ batch, mode }) => `${batch} ${mode}`).values()].map((group) => {
    const { median, low, high } = medianWithin(group.map(({ on, off }) => on / off));
    return {
      'alerts a POST': group[0]!.batch,
      alerts: group[0]!.mode,
      'with history': thousands(spread(group.map(({ on }) => on))),
      without: thousands(spread(group.map(({ off }) => off))),
      'with ÷ without': median.toFixed(3),
      'with 95 % certainty': `${low.toFixed(3)} to ${high.toFixed(3)}`,
      pairs: group.length,
    };
  });
}
