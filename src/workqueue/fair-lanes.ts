import type { Queue } from 'p-queue';
import { PriorityLanes, type LaneOptions, type RunFunction } from './priority-lanes.ts';
import type { Standing, WorkerShare } from './worker-share.ts';

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
