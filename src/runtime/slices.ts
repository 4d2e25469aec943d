import { sliceMs, type LongWork, type SliceSchedule } from './slice-schedule.ts';

/** One piece of long work: await `yieldTurn` whenever a slice is over, and the work continues when it is its turn again. */
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

  /** True if it is time to await {@link yieldTurn}. Ask it in a hot loop, in which a needless await would be expensive. */
  get isOver(): boolean {
    return Math.abs(this.#schedule.clock.now() - this.#startedAt) >= sliceMs;
  }

  async yieldTurn(): Promise<void> {
    await this.#schedule.next(this.#work);
    this.#startedAt = this.#schedule.clock.now();
  }
}

/** Runs the steps one after the other, and lets everything else run whenever a slice is over. */
export async function inSlices<T>(steps: Iterator<unknown, T>, slices: Slices): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slices.isOver) await slices.yieldTurn();
  }
}

/** A generator that does a part of its work per step, so that its driver can let other work run in between. */
export type Sliced<T> = Generator<undefined, T>;

/** The number of items that are sorted in one step: a millisecond or two. */
const runLength = 256;

/** A stable sort like `toSorted`, with a step for every few hundred items. */
export function* slicedSort<T>(items: readonly T[], compare: (a: T, b: T) => number): Sliced<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += runLength) {
    runs.push(items.slice(at, at + runLength).toSorted(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* merge(runs[at]!, runs[at + 1] ?? [], compare));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Sliced<readonly T[]> {
  if (right.length === 0) return left;
  const merged: T[] = [];
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const takesLeft = r === right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0);
    merged.push(takesLeft ? left[l++]! : right[r++]!);
    if (merged.length % runLength === 0) yield;
  }
  return merged;
}
