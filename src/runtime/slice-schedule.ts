import type { Clock } from './clock.ts';

/** The longest time that all long work together holds the event loop before everything else gets its turns, milliseconds. */
export const sliceMs = 10;

/**
 * The number of turns of the event loop that everything else gets then; each turn accepts one new connection. They end earlier
 * once they have taken this long, milliseconds, so that long work gets at least a ninth of the time.
 */
export const restTurns = 32;
export const maxRestMs = 80;

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
  | 'pipelines'
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
  /** The used part of the slice, milliseconds. */
  #spentMs = 0;

  /** @param nextTurn runs a function in the next turn of the event loop; a parameter for the tests */
  constructor(clock: Clock, nextTurn: (run: () => void) => void = setImmediate) {
    this.clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** Resolves when it is the turn of this kind of work. Everything up to the next pending promise is one piece. */
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

  /** Also correct for a clock that was set back, which hides the duration. */
  #since(startedAt: number): number {
    return Math.abs(this.clock.now() - startedAt);
  }
}

/** Node runs next-tick callbacks once no microtask is left: so after everything that a promise has set off. */
function afterMicrotasks(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}
