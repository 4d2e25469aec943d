import type { Queue, QueueAddOptions } from 'p-queue';

// The order of service in the queue: lanes by priority; what failed last goes behind what is well, gets at most half of the workers, and
// waits longer after each failure.

export interface FairLaneOptions extends LaneOptions {
  /** Default: well. */
  readonly standing?: Standing;
}

/** The waiting work in p-queue: lanes by priority, one set for well keys and one for keys that failed last. */
export class FairLanes implements Queue<RunFunction, FairLaneOptions> {
  readonly #share: WorkerShare;
  readonly #lanes: Readonly<Record<Standing, PriorityLanes>> = {
    well: new PriorityLanes(),
    failed: new PriorityLanes(),
  };

  constructor(share: WorkerShare) {
    this.#share = share;
  }

  /** The number that could start if workers were free: p-queue asks before it takes one. */
  get size(): number {
    const { well, failed } = this.#lanes;
    return well.size + (this.#share.isOpen ? failed.size : 0);
  }

  enqueue(run: RunFunction, { standing = 'well', ...options }: Partial<FairLaneOptions> = {}): void {
    this.#lanes[standing].enqueue(run, options);
  }

  setPriority(id: string, priority: number): void {
    const { well, failed } = this.#lanes;
    (failed.has(id) ? failed : well).setPriority(id, priority);
  }

  /** Counts the returned work as started. */
  dequeue(): RunFunction | undefined {
    const { well, failed } = this.#lanes;
    const standing = this.#share.next({ well: well.size > 0, failed: failed.size > 0 });
    if (standing === undefined) return undefined;
    this.#share.started(standing);
    return this.#lanes[standing].dequeue();
  }

  filter(options: Readonly<Partial<FairLaneOptions>>): RunFunction[] {
    return [...this.#lanes.well.filter(options), ...this.#lanes.failed.filter(options)];
  }
}

type RunFunction = () => Promise<unknown>;

interface LaneOptions extends QueueAddOptions {
  /** The number of a lane, from 0; the highest is served first. */
  readonly priority?: number;
}

/**
 * Work that waits for a worker: a queue for each priority. Moving an item to another queue takes the same time however many wait.
 * p-queue's own queue searches all of them, so one event that moves ten thousand would hold the event loop for seconds.
 */
export class PriorityLanes implements Queue<RunFunction, LaneOptions> {
  readonly #lanes: Map<string, RunFunction>[] = [];

  get size(): number {
    let size = 0;
    for (const lane of this.#lanes) size += lane.size;
    return size;
  }

  has(id: string): boolean {
    return this.#lanes.some((lane) => lane.has(id));
  }

  /** @param options `id` is required, and must differ from that of every other waiting item */
  enqueue(run: RunFunction, { id, priority = 0 }: Partial<LaneOptions> = {}): void {
    if (id === undefined) throw new TypeError('what waits in a lane needs an id');
    while (this.#lanes.length <= priority) this.#lanes.push(new Map());
    this.#lanes[priority]!.set(id, run);
  }

  /** Moves an item to the end of another lane. */
  setPriority(id: string, priority: number): void {
    const lane = this.#lanes.find((candidate) => candidate.has(id));
    const run = lane?.get(id);
    if (run === undefined) throw new ReferenceError(`nothing waits under the id ${id}`);
    lane!.delete(id);
    this.enqueue(run, { id, priority });
  }

  dequeue(): RunFunction | undefined {
    const lane = this.#lanes.findLast((candidate) => candidate.size > 0);
    for (const [id, run] of lane ?? []) {
      lane!.delete(id);
      return run;
    }
    return undefined;
  }

  filter({ priority = 0 }: Readonly<Partial<LaneOptions>>): RunFunction[] {
    return [...(this.#lanes[priority]?.values() ?? [])];
  }
}

/** The result of a key's last run, as far as it matters for the next one. */
export type Standing = 'well' | 'failed';

/** After this many well keys in a row, a failed one gets a turn although others wait, so that it does not wait forever. */
export const turnsBeforeFailed = 16;

/**
 * Decides whose turn it is. A key that failed last runs after all well keys, and such keys together hold at most half of the
 * workers. Otherwise six objects whose writes hang could hold all of four workers, and every alert would wait for their
 * deadlines. A single worker has no half: it serves both kinds.
 */
export class WorkerShare {
  /** The number of all workers. */
  workers: number;
  #failedRunning = 0;
  #turns = 0;

  constructor(workers: number) {
    this.workers = workers;
  }

  /** The most workers that failed keys may hold. */
  get limit(): number {
    return Math.max(1, Math.floor(this.workers / 2));
  }

  /** The number of workers that failed keys hold now. */
  get failedRunning(): number {
    return this.#failedRunning;
  }

  /** True while one more failed key may start. */
  get isOpen(): boolean {
    return this.#failedRunning < this.limit;
  }

  /**
   * Decides which kind starts when a worker is free; undefined if neither may. While well keys wait, failed ones get one worker
   * at most.
   */
  next(waiting: Readonly<Record<Standing, boolean>>): Standing | undefined {
    const mayFail = waiting.failed && this.isOpen;
    if (!waiting.well) return mayFail ? 'failed' : undefined;
    return mayFail && this.#failedRunning === 0 && this.#turns >= turnsBeforeFailed ? 'failed' : 'well';
  }

  started(standing: Standing): void {
    if (standing === 'well') {
      this.#turns++;
      return;
    }
    this.#turns = 0;
    this.#failedRunning++;
  }

  ended(standing: Standing): void {
    if (standing === 'failed') this.#failedRunning--;
  }
}

interface RateLimiterOptions {
  /** The delay before the first retry. Defaults to 5 ms, as in client-go. */
  readonly baseMs?: number;
  /** The longest delay. Defaults to 1000 s, as in client-go. */
  readonly maxMs?: number;
  /** From 0 to 1, exclusive. It spreads keys that failed together: a delay is shortened by up to a fifth. */
  readonly random?: () => number;
}

/**
 * The time that a failed key has to wait: twice as long after each failure in a row (client-go's
 * ItemExponentialFailureRateLimiter).
 */
export class RateLimiter {
  readonly #failures = new Map<string, number>();
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;

  constructor({ baseMs = 5, maxMs = 1_000_000, random = Math.random }: RateLimiterOptions = {}) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Counts a failure of the key and returns the delay before its next try, milliseconds. */
  when(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(this.#baseMs * 2 ** failures, this.#maxMs);
    return delayMs * (1 - 0.2 * this.#random());
  }

  /** The number of failures of the key in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Call it when the key is well again, or gone. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
}
