import type { Queue, QueueAddOptions } from 'p-queue';

export interface FairLaneOptions extends LaneOptions {
  /** Default: well. */
  readonly standing?: Standing;
}

/** What waits in p-queue: lanes by priority, apart for keys that are well and for keys that failed last. */
export class FairLanes implements Queue<RunFunction, FairLaneOptions> {
  readonly #share: WorkerShare;
  readonly #lanes: Readonly<Record<Standing, PriorityLanes>> = {
    well: new PriorityLanes(),
    failed: new PriorityLanes(),
  };

  constructor(share: WorkerShare) {
    this.#share = share;
  }

  /** How many could start if workers were free: p-queue asks before it takes one. */
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

  /** Counts it as started. */
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
  /** A lane's number, from 0 up; the highest is served first. */
  readonly priority?: number;
}

/**
 * What waits for a worker: a line for each priority. Moving one to another line takes the same time however many wait;
 * p-queue's own queue searches all of them, and ten thousand moved by one event would hold the event loop for seconds.
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

  /** @param options `id` has to be there, and unlike that of any other that waits */
  enqueue(run: RunFunction, { id, priority = 0 }: Partial<LaneOptions> = {}): void {
    if (id === undefined) throw new TypeError('what waits in a lane needs an id');
    while (this.#lanes.length <= priority) this.#lanes.push(new Map());
    this.#lanes[priority]!.set(id, run);
  }

  /** Moves to the end of the other line. */
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

/** How the last run of a key ended, as far as its next one is concerned. */
export type Standing = 'well' | 'failed';

/** After so many that are well, one that failed gets a turn although others wait: nobody waits for ever. */
export const turnsBeforeFailed = 16;

/**
 * Decides whose turn it is: a key that failed last runs after all that are well, and such keys together hold at most half of
 * the workers. Six objects whose writes hang would hold all of four workers otherwise, and every alert would wait for their
 * deadlines. With a single worker there is no half: it serves both kinds.
 */
export class WorkerShare {
  /** All workers. */
  workers: number;
  #failedRunning = 0;
  #turns = 0;

  constructor(workers: number) {
    this.workers = workers;
  }

  /** The most workers that keys may hold which failed last. */
  get limit(): number {
    return Math.max(1, Math.floor(this.workers / 2));
  }

  /** Workers that such keys hold now. */
  get failedRunning(): number {
    return this.#failedRunning;
  }

  /** True while one more key that failed last may start. */
  get isOpen(): boolean {
    return this.#failedRunning < this.limit;
  }

  /** Who is to start when a worker is free; undefined if nobody may. While others wait, those that failed get one worker at most. */
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
