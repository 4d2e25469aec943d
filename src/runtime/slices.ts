import type { CancelTimer, Clock } from './clock.ts';

/** The longest time that all long work together holds the event loop before everything else gets its turns, milliseconds. */
export const sliceMs = 10;

/**
 * The number of turns of the event loop that everything else gets then; each turn accepts one new connection. They end earlier
 * once they have taken this long, milliseconds, so that long work gets at least a ninth of the time.
 */
export const restTurns = 32;
export const maxRestMs = 80;

/**
 * How long an alert may take from its event to its reconcile, milliseconds. For that long, work that can wait does; it still gets a
 * slice every {@link maxRestMs}.
 */
export const hurryMs = 50;

/** Nobody waits for it who has not waited already. */
const patientWork: LongWork = 'expressions';

/** The kinds of long work, which is done in slices. Each kind has its share, however much there is of the others. */
export type LongWork =
  | 'pipelined requests'
  | 'bodies'
  | 'large bodies'
  | 'lists'
  | 'evictions'
  | 'refusals'
  | 'silences'
  | 'large silences'
  | 'unsilenced'
  | 'answers of Prometheus'
  | 'answers of the API server'
  | 'stored alerts'
  | 'requests'
  | 'reconciles'
  | 'triggers'
  | 'expressions'
  | 'pipelines'
  | 'notifications'
  | 'history'
  | 'metrics';

/**
 * Decides whose slice is next. All long work together holds the event loop for at most {@link sliceMs} and one piece; then
 * everything else has {@link restTurns} turns of it. One turn would not be enough: the system hands over a single new connection
 * per turn, so a client that connects behind twenty others would wait for twenty turns with a slice in each.
 */
export class SliceSchedule {
  readonly clock: Clock;
  readonly #nextTurn: (run: () => void) => void;
  /** In the order of service; a kind that was served goes to the end. */
  readonly #waiting = new Map<LongWork, (() => void)[]>();
  #isServing = false;
  /** The time that each kind has had, milliseconds. The kind with the least is next, whether its pieces are short or long. */
  readonly #had = new Map<LongWork, number>();
  /** A kind that comes anew begins where the last one was: time in which it had nothing to do earns it nothing. */
  #leastHad = 0;
  /** The used part of the slice, milliseconds. */
  #spentMs = 0;
  /** On the monotonic clock: until when patient work waits, and when it had its last slice. */
  #hurryUntil = Number.NEGATIVE_INFINITY;
  #patientServedAt = Number.NEGATIVE_INFINITY;
  #cancelWake: CancelTimer | undefined;

  /** @param nextTurn runs a function in the next turn of the event loop; a parameter for the tests */
  constructor(clock: Clock, nextTurn: (run: () => void) => void = setImmediate) {
    this.clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** Resolves when it is the turn of this kind of work. Everything up to the next pending promise is one piece. */
  next(work: LongWork): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(work);
      if (queue === undefined) {
        this.#waiting.set(work, [resolve]);
        this.#had.set(work, Math.max(this.#hadBy(work), this.#leastHad));
      } else queue.push(resolve);
      if (this.#isServing) return;
      this.#isServing = true;
      this.#nextTurn(() => this.#serve());
    });
  }

  /**
   * An event begins its way to a reconcile, which is many short steps. Each of them would have to wait for the end of a slice, which is too
   * long if a single piece is as long as the trial of a large expression.
   */
  hurry(): void {
    this.#hurryUntil = this.clock.monotonic() + hurryMs;
  }

  #serve(): void {
    const work = this.#next();
    if (work === undefined) {
      this.#isServing = false;
      if (this.#waiting.size > 0) this.#wakeLater();
      return;
    }
    if (work === patientWork) this.#patientServedAt = this.clock.monotonic();
    const startedAt = this.clock.now();
    this.#shift(work)?.();
    afterMicrotasks(() => {
      const spentMs = this.#since(startedAt);
      // A piece that took much longer shared its time with a collection of the heap, as a rule: that is nobody's.
      this.#had.set(work, this.#hadBy(work) + Math.min(spentMs, sliceMs));
      this.#spentMs += spentMs;
      if (this.#spentMs < sliceMs) return this.#serve();
      this.#spentMs = 0;
      this.#rest(restTurns, this.clock.now());
    });
  }

  /** Of those that wait the one that has had least; of equal ones the one that waits for longest. */
  #next(): LongWork | undefined {
    let next: LongWork | undefined;
    const isHeld = this.#waiting.has(patientWork) && this.#heldMs > 0;
    for (const work of this.#waiting.keys())
      if (isHeld && work === patientWork) continue;
      else if (next === undefined || this.#hadBy(work) < this.#hadBy(next)) next = work;
    if (next !== undefined) this.#leastHad = this.#hadBy(next);
    return next;
  }

  /** How long patient work still has to wait, milliseconds. */
  get #heldMs(): number {
    return Math.min(this.#hurryUntil, this.#patientServedAt + maxRestMs) - this.clock.monotonic();
  }

  #wakeLater(): void {
    this.#cancelWake?.();
    this.#cancelWake = this.clock.setTimeout(() => {
      if (this.#isServing) return;
      this.#isServing = true;
      this.#serve();
    }, Math.ceil(this.#heldMs));
  }

  #shift(work: LongWork): (() => void) | undefined {
    const queue = this.#waiting.get(work);
    const begin = queue?.shift();
    this.#waiting.delete(work);
    if (queue !== undefined && queue.length > 0) this.#waiting.set(work, queue);
    return begin;
  }

  #hadBy(work: LongWork): number {
    return this.#had.get(work) ?? 0;
  }

  #rest(turns: number, startedAt: number): void {
    this.#nextTurn(() => {
      if (turns > 1 && this.#since(startedAt) < maxRestMs) this.#rest(turns - 1, startedAt);
      else this.#serve();
    });
  }

  /** Also correct for a clock that was set back, which hides the duration. */
  #since(startedAt: number): number {
    return Math.abs(this.clock.now() - startedAt);
  }
}

/** Node runs next-tick callbacks once no microtask is left: so after everything that a promise has set off. */
function afterMicrotasks(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}

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
