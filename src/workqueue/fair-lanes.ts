import type { Queue, QueueAddOptions } from 'p-queue';

// The order of service in the queue: lanes by priority; what failed last goes behind what is well, gets at most half of the workers, and
// waits longer after each failure; one lane has workers of its own.

/** The number of the lane with workers of its own. */
export const reservedLane = 3;

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
    if (!this.#share.hasRoom) return well.sizeOf(reservedLane);
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
    const hasRoom = this.#share.hasRoom;
    const standing = this.#share.next({
      well: well.size > 0,
      failed: failed.size > 0,
      reserved: well.sizeOf(reservedLane) > 0,
      failedFirst: failed.top >= reservedLane && well.top < reservedLane,
    });
    if (standing === undefined) return undefined;
    const lane = hasRoom ? this.#lanes[standing].top : reservedLane;
    this.#share.started(standing, lane);
    return this.#lanes[standing].dequeue(lane);
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

  sizeOf(lane: number): number {
    return this.#lanes[lane]?.size ?? 0;
  }

  /** The highest lane in which something waits; -1 if nothing does. */
  get top(): number {
    return this.#lanes.findLastIndex((lane) => lane.size > 0);
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

  dequeue(from = this.top): RunFunction | undefined {
    const lane = this.#lanes[from];
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

/** What waits, as far as it matters for the next turn. */
interface Waiting extends Readonly<Record<Standing, boolean>> {
  /** A well key waits in the lane that has workers of its own. */
  readonly reserved?: boolean;
  /** A failed key waits in that lane or a higher one, and no well key does. */
  readonly failedFirst?: boolean;
}

/**
 * Decides whose turn it is. A key that failed last runs after all well keys, and such keys together hold at most half of the
 * workers. Otherwise six objects whose writes hang could hold all of four workers, and every alert would wait for their
 * deadlines. A single worker has no half: it serves both kinds.
 *
 * Beside these workers there may be some for well keys of the {@link reservedLane} only. p-queue keeps the number of all together.
 */
export class WorkerShare {
  /** The number of workers for every lane. */
  workers: number;
  /** How many of them work. A well key of the reserved lane holds a worker of its own, or one of these while it is free. */
  #running = 0;
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

  /** True while a key of any lane may start. */
  get hasRoom(): boolean {
    return this.#running < this.workers;
  }

  /** True while one more failed key may start. */
  get isOpen(): boolean {
    return this.#failedRunning < this.limit;
  }

  /**
   * Decides which kind starts when a worker is free; undefined if neither may. While well keys wait, failed ones get one worker
   * at most.
   */
  next(waiting: Waiting): Standing | undefined {
    if (!this.hasRoom) return waiting.reserved === true ? 'well' : undefined;
    const mayFail = waiting.failed && this.isOpen;
    if (mayFail && waiting.failedFirst === true) return 'failed';
    if (!waiting.well) return mayFail ? 'failed' : undefined;
    return mayFail && this.#failedRunning === 0 && this.#turns >= turnsBeforeFailed ? 'failed' : 'well';
  }

  started(standing: Standing, lane = 0): void {
    if (isOrdinary(standing, lane)) this.#running++;
    if (standing === 'well') {
      this.#turns++;
      return;
    }
    this.#turns = 0;
    this.#failedRunning++;
  }

  ended(standing: Standing, lane = 0): void {
    if (isOrdinary(standing, lane)) this.#running--;
    if (standing === 'failed') this.#failedRunning--;
  }
}

function isOrdinary(standing: Standing, lane: number): boolean {
  return standing === 'failed' || lane !== reservedLane;
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
