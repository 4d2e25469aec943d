import type { Clock } from '../runtime/clock.ts';
import type { Request } from '../reconcile/ports.ts';
import { reservedLane } from './fair-lanes.ts';
import type { WorkQueueMetrics } from './work-queue-metrics.ts';

/**
 * The order of service: what a person asked for, then alerts of the platform, which have workers of their own, then other alerts, then
 * what failed before, then periodic looks.
 */
export type Priority = 'manual' | 'platform' | 'alert' | 'retry' | 'resync';

export const rank: Readonly<Record<Priority, number>> = {
  manual: 4,
  platform: reservedLane,
  alert: 2,
  retry: 1,
  resync: 0,
};

export interface WorkItem<Payload> {
  readonly request: Request;
  readonly payload: Payload;
  readonly priority: Priority;
  /** The time of the first add, milliseconds. */
  readonly addedAt: number;
}

/** What waits for a worker. */
export interface DirtyRequest<Payload> extends WorkItem<Payload> {
  /** The numbers of the first and of the last add that it has in it. */
  readonly firstAdd: number;
  readonly lastAdd: number;
}

interface DirtyRequestsOptions<Payload> {
  readonly clock: Clock;
  /** Combines the payloads of two adds; `later` was added after `earlier`. */
  readonly merge: (earlier: Payload, later: Payload) => Payload;
  readonly metrics: Pick<WorkQueueMetrics, 'adds'>;
}

/** The requests that have to be worked on: at most one for each key, and one behind it, however often they are added. */
export class DirtyRequests<Payload> {
  readonly #options: DirtyRequestsOptions<Payload>;
  readonly #dirty = new Map<string, DirtyRequest<Payload>>();
  /** What becomes dirty when the dirty work of its key starts. */
  readonly #behind = new Map<string, DirtyRequest<Payload>>();
  #added = 0;

  constructor(options: DirtyRequestsOptions<Payload>) {
    this.#options = options;
  }

  /** Counts the adds. */
  get added(): number {
    return this.#added;
  }

  get size(): number {
    return this.#dirty.size;
  }

  get(key: string): DirtyRequest<Payload> | undefined {
    return this.#dirty.get(key);
  }

  /** In the order in which they were added first. */
  values(): Iterable<DirtyRequest<Payload>> {
    return this.#dirty.values();
  }

  /** Also of those that are behind another one. */
  every(isTrue: (request: DirtyRequest<Payload>) => boolean): boolean {
    return [this.#dirty, this.#behind].every((requests) => [...requests.values()].every(isTrue));
  }

  /**
   * @param firstAdd the number of the add from which it comes; the next one unless it has failed before
   * @returns what is dirty now; `behind` if the platform waits for the key
   */
  add(key: string, given: Omit<WorkItem<Payload>, 'addedAt'>, firstAdd: number): DirtyRequest<Payload> | 'behind' {
    const waiting = this.#dirty.get(key);
    const numbers = { firstAdd, lastAdd: ++this.#added };
    if (waiting?.priority === 'platform' && rank[given.priority] < rank.platform) {
      this.#behind.set(key, this.#merged(this.#behind.get(key), given, numbers));
      return 'behind';
    }
    const merged = this.#merged(waiting, given, numbers);
    this.#dirty.set(key, merged);
    return merged;
  }

  /** What is behind becomes dirty. */
  delete(key: string): void {
    const behind = this.#behind.get(key);
    if (behind === undefined) this.#dirty.delete(key);
    else this.#dirty.set(key, behind);
    this.#behind.delete(key);
  }

  /** Deletes those to which nothing was added since then. @param added see {@link added} */
  take(added: number, isFree: (key: string) => boolean): readonly DirtyRequest<Payload>[] {
    const taken = [...this.#dirty].filter(([key, { lastAdd }]) => lastAdd <= added && isFree(key));
    for (const [key] of taken) this.delete(key);
    return taken.map(([, request]) => request);
  }

  #merged(
    earlier: DirtyRequest<Payload> | undefined,
    { request, payload, priority }: Omit<WorkItem<Payload>, 'addedAt'>,
    { firstAdd, lastAdd }: { readonly firstAdd: number; readonly lastAdd: number },
  ): DirtyRequest<Payload> {
    const { clock, merge, metrics } = this.#options;
    if (earlier !== undefined)
      return {
        ...earlier,
        payload: merge(earlier.payload, payload),
        priority: higherOf(earlier.priority, priority),
        firstAdd: Math.min(earlier.firstAdd, firstAdd),
        lastAdd,
      };
    metrics.adds.inc();
    return { request, payload, priority, addedAt: clock.now(), firstAdd, lastAdd };
  }
}

export function higherOf(a: Priority, b: Priority): Priority {
  return rank[a] >= rank[b] ? a : b;
}
