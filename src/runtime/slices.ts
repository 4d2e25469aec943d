import { sliceMs } from '../limits.ts';
import type { LongWork, SliceSchedule } from './slice-schedule.ts';

/** One long work: call `breathe` in between, whenever a slice is over, and it goes on when it is its turn again. */
export class Slices {
  readonly #schedule: SliceSchedule;
  readonly #work: LongWork;
  #startedAt: number;

  /** The first slice begins now. */
  constructor(schedule: SliceSchedule, work: LongWork) {
    this.#schedule = schedule;
    this.#work = work;
    this.#startedAt = schedule.clock.now();
  }

  /** True if it is time to await {@link breathe}: asked in a hot loop, where an await for nothing would cost. */
  get isOver(): boolean {
    return Math.abs(this.#schedule.clock.now() - this.#startedAt) >= sliceMs;
  }

  async breathe(): Promise<void> {
    await this.#schedule.next(this.#work);
    this.#startedAt = this.#schedule.clock.now();
  }
}

/** Takes steps one after the other, and lets everything else run whenever a slice is over. */
export async function inSlices<T>(steps: Iterator<unknown, T>, slices: Slices): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slices.isOver) await slices.breathe();
  }
}
