import type { Clock } from './clock.ts';

/** How long all long work together may hold the event loop before others get their turns, milliseconds. */
export const sliceMs = 10;

/**
 * So many turns of the event loop they get then, each of which takes in one new connection; but no more of them once they have
 * had so long, milliseconds: what is long gets a ninth of the time at least.
 */
export const restTurns = 32;
export const maxRestMs = 80;

/** What works for long, and so in slices. Each has its share, however many ask for the others. */
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
  | 'pipelines'
  | 'history'
  | 'metrics';

/**
 * Says whose slice is next. All long work together holds the event loop for {@link sliceMs} and one piece at most; then
 * everything else has {@link restTurns} turns of it. One would not do: in a turn the system hands over a single new
 * connection, so whoever connects behind twenty others waits for twenty turns, with a slice in each.
 */
export class SliceSchedule {
  readonly clock: Clock;
  readonly #nextTurn: (run: () => void) => void;
  /** In the order in which they are served; one that was served goes to the end. */
  readonly #waiting = new Map<LongWork, (() => void)[]>();
  #isServing = false;
  /** Of the slice, milliseconds. */
  #spentMs = 0;

  /** @param nextTurn runs something in the next turn of the event loop; a parameter for the tests */
  constructor(clock: Clock, nextTurn: (run: () => void) => void = setImmediate) {
    this.clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** Resolves when it is the turn of this kind of work; what is then done up to the next promise that is pending is a piece. */
  next(work: LongWork): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(work);
      if (queue === undefined) this.#waiting.set(work, [resolve]);
      else queue.push(resolve);
      if (this.#isServing) return;
      this.#isServing = true;
      this.#nextTurn(() => this.#serve());
    });
  }

  #serve(): void {
    const begin = this.#shift();
    if (begin === undefined) return void (this.#isServing = false);
    const startedAt = this.clock.now();
    begin();
    afterMicrotasks(() => {
      this.#spentMs += this.#since(startedAt);
      if (this.#spentMs < sliceMs) return this.#serve();
      this.#spentMs = 0;
      this.#rest(restTurns, this.clock.now());
    });
  }

  #shift(): (() => void) | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [work, queue] = first;
    const begin = queue.shift();
    this.#waiting.delete(work);
    if (queue.length > 0) this.#waiting.set(work, queue);
    return begin;
  }

  #rest(turns: number, startedAt: number): void {
    this.#nextTurn(() => {
      if (turns > 1 && this.#since(startedAt) < maxRestMs) this.#rest(turns - 1, startedAt);
      else this.#serve();
    });
  }

  /** Also of a clock that was set back, which hides how long it was. */
  #since(startedAt: number): number {
    return Math.abs(this.clock.now() - startedAt);
  }
}

/** Node runs what is for the next tick once no microtask is left: so when all that a promise has set off is done. */
function afterMicrotasks(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}
