import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import { sliceMs } from './limits.ts';

/**
 * Runs long work in slices: call `breathe` often in between; once {@link sliceMs} are over it lets everything else that
 * waits for the event loop have its turn.
 */
export class Slices {
  readonly #clock: Clock;
  #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** True if it is time to await {@link breathe}: asked in a hot loop, where an await for nothing would cost. */
  get isOver(): boolean {
    return Math.abs(this.#clock.now() - this.#startedAt) >= sliceMs;
  }

  async breathe(): Promise<void> {
    await setImmediate();
    this.#startedAt = this.#clock.now();
  }
}

/** Takes steps one after the other, and lets everything else run whenever a slice is over. */
export async function inSlices<T>(steps: Iterator<unknown, T>, slices: Slices): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slices.isOver) await slices.breathe();
  }
}
