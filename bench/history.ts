import { setTimeout } from 'node:timers/promises';
import { LoadProcess } from './load-process.ts';
import { startTocsin, type TocsinProcess } from '../test/support/tocsin-process.ts';
import { cpuSeconds } from './process-usage.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { medianWithin, spread } from './statistics.ts';
import { thousands, type Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];

/** The alerts of one turn by the alerts of a POST: a tenth to a quarter of a second of CPU time. */
const turnAlerts: Readonly<Record<number, number>> = { 1: 8000, 64: 24_000 };
const pairsOfCycle = 2;

/** Cycles that are not counted: V8 compiles for thousands of POSTs. */
const warmUpCycles = 3;

/** What a turn leaves to be done, and to be written, is done after this time. */
const restMs = 100;

/** Two turns, one after the other: alerts per CPU-second with history and without it. */
interface Measurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly pair: number;
  readonly on: number;
  readonly off: number;
}

/**
 * History: alerts per CPU-second with it and without it. One process takes alerts in short turns, with history and without it, so that neither other work on the machine nor what V8 made of this process favours either.
 */
export const history: Section = {
  name: 'history',
  title: 'History: alerts per CPU-second with it and without it',
  async run({ quick }) {
    const raw: Measurement[] = [];
    for (const batch of [1, 64]) raw.push(...(await measure(batch, quick ? 5 : 40)));
    return { rows: rows(raw), raw };
  },
};

async function measure(batch: number, cycles: number): Promise<readonly Measurement[]> {
  const preload = new URL('history-switch.ts', import.meta.url).href;
  const tocsin = await startTocsin({ environment: { NODE_OPTIONS: `--import=${preload}` } });
  const turns = new Turns(tocsin, batch);
  try {
    for (let cycle = 0; cycle < warmUpCycles; cycle++) await turns.cycle();
    const measured: Measurement[] = [];
    for (let cycle = 0; cycle < cycles; cycle++) measured.push(...(await turns.cycle()));
    const kept = /^tocsin_history_facts_total (\d+)$/m.exec(await (await fetch(`${tocsin.url}/metrics`)).text());
    if (!(Number(kept?.[1]) > cycles)) throw new Error(`the history kept ${kept?.[1]} facts: the switch does not work`);
    return measured;
  } finally {
    turns.stop();
    await tocsin.stop();
  }
}

class Turns {
  readonly #generator = new LoadProcess();
  readonly #tocsin: TocsinProcess;
  readonly #batch: number;
  #pair = 0;
  #isOn = true;

  constructor(tocsin: TocsinProcess, batch: number) {
    this.#tocsin = tocsin;
    this.#batch = batch;
  }

  stop(): void {
    this.#generator.stop();
  }

  /** The same alerts begin, are sent again, and end. */
  async cycle(): Promise<readonly Measurement[]> {
    const measured: Measurement[] = [];
    for (const mode of modes)
      for (let pair = 0; pair < pairsOfCycle; pair++) {
        // What comes second may be slower.
        const isOnFirst = this.#pair++ % 2 === 0;
        const first = await this.#turn(mode, 2 * pair, isOnFirst);
        const second = await this.#turn(mode, 2 * pair + 1, !isOnFirst);
        const [on, off] = isOnFirst ? [first, second] : [second, first];
        measured.push({ batch: this.#batch, mode, pair: this.#pair, on, off });
      }
    return measured;
  }

  /** Alerts per CPU-second. */
  async #turn(mode: IngestMode, index: number, isOn: boolean): Promise<number> {
    const { child, port } = this.#tocsin;
    await this.#switch(isOn);
    const count = turnAlerts[this.#batch]!;
    const load = { port, connections: 4, batch: this.#batch, mode, from: index * count, count, passes: 1 };
    const prepared = await this.#generator.prepare(load);
    const before = cpuSeconds(child.pid);
    await prepared();
    // Both kinds of turns end alike: with history, its last lines are written.
    await this.#switch(!isOn);
    return count / (cpuSeconds(child.pid) - before);
  }

  async #switch(isOn: boolean): Promise<void> {
    if (this.#isOn !== isOn) this.#tocsin.child.kill('SIGUSR2');
    this.#isOn = isOn;
    await setTimeout(restMs);
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
