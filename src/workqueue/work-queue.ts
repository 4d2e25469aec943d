import PQueue from 'p-queue';
import type { CancelTimer, Clock } from '../clock.ts';
import { PriorityLanes, type LaneOptions } from './priority-lanes.ts';
import { RateLimiter } from './rate-limiter.ts';
import { requestKey, type Request } from './request.ts';
import type { WorkQueueMetrics } from './work-queue-metrics.ts';

/** Runs first what a person asked for, then what an alert asks for, then what failed before, then the periodic looks. */
export type Priority = 'manual' | 'alert' | 'retry' | 'resync';

const rank: Readonly<Record<Priority, number>> = { manual: 3, alert: 2, retry: 1, resync: 0 };

export interface WorkQueueOptions<Payload> {
  readonly clock: Clock;
  /** How many requests are worked on at once. */
  readonly concurrency: number;
  /** What a request carries when it is added twice before it runs; `later` was added after `earlier`. */
  readonly merge: (earlier: Payload, later: Payload) => Payload;
  /** Works on one request. It must settle, and must not reject: the outcome is the caller's to decide. */
  readonly work: (item: WorkItem<Payload>) => Promise<void>;
  readonly metrics: WorkQueueMetrics;
  readonly rateLimiter?: RateLimiter;
}

export interface WorkItem<Payload> {
  readonly request: Request;
  readonly payload: Payload;
  readonly priority: Priority;
  /** When it was added first, milliseconds. */
  readonly addedAt: number;
}

/** Makes what a delayed request carries: when its time has come, or earlier, when another add takes it over. */
export type DelayedPayload<Payload> = (isDue: boolean) => Payload;

interface Delayed<Payload> {
  readonly readyAt: number;
  readonly priority: Priority;
  readonly payload: DelayedPayload<Payload>;
  readonly cancel: CancelTimer;
}

/**
 * client-go's work queue on p-queue. A key is in at most one of each:
 *
 * - `delayed`: waits for its time; an add, or its time, moves it to `dirty`.
 * - `dirty`: has to be worked on. Unless it is being worked on just now, it has a place in p-queue.
 * - `processing`: is being worked on. If it is dirty as well, it goes back into p-queue once that ends: so a key is never
 *   worked on twice at once, and an add in the middle means exactly one more run after.
 *
 * p-queue's `timeout` is not used: it would free the slot while the work still runs.
 */
export class WorkQueue<Payload> {
  readonly #options: WorkQueueOptions<Payload>;
  readonly #rateLimiter: RateLimiter;
  readonly #pqueue: PQueue<PriorityLanes, LaneOptions>;
  readonly #dirty = new Map<string, WorkItem<Payload>>();
  readonly #processing = new Set<string>();
  readonly #delayed = new Map<string, Delayed<Payload>>();
  #shuttingDown = false;

  constructor(options: WorkQueueOptions<Payload>) {
    this.#options = options;
    this.#rateLimiter = options.rateLimiter ?? new RateLimiter();
    this.#pqueue = new PQueue({ concurrency: options.concurrency, queueClass: PriorityLanes });
  }

  /** How many requests are worked on at once; those under way go on. */
  set concurrency(count: number) {
    this.#pqueue.concurrency = count;
  }

  /** Requests that wait for a free worker. */
  get depth(): number {
    return this.#dirty.size;
  }

  /** Requests that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /**
   * Has the request worked on, now, whatever back-off it was in; merged into what waits for the same key.
   * False, and nothing happens, once the queue shuts down.
   */
  add(request: Request, payload: Payload, priority: Priority): boolean {
    if (this.#shuttingDown) return false;
    const key = requestKey(request);
    const delayed = this.#undelay(key);
    const carried = delayed === undefined ? payload : this.#options.merge(delayed.payload(false), payload);
    const higher = delayed === undefined ? priority : higherOf(delayed.priority, priority);
    this.#markDirty(key, request, carried, higher);
    return true;
  }

  /**
   * As {@link add}, after a delay. Of two delays for one key the earlier counts.
   * @param payload called once: when its time has come, or when another add takes it over
   */
  addAfter(request: Request, payload: DelayedPayload<Payload>, priority: Priority, delayMs: number): boolean {
    if (this.#shuttingDown) return false;
    const key = requestKey(request);
    const earlier = this.#undelay(key);
    const now = this.#options.clock.now();
    const readyAt = Math.min(now + delayMs, earlier?.readyAt ?? Number.POSITIVE_INFINITY);
    const merged = earlier === undefined ? payload : this.#bothDelayed(earlier.payload, payload);
    const higher = earlier === undefined ? priority : higherOf(earlier.priority, priority);
    const due = (): void => {
      this.#delayed.delete(key);
      this.add(request, merged(true), higher);
    };
    const cancel = this.#options.clock.setTimeout(due, readyAt - now);
    this.#delayed.set(key, { readyAt, priority: higher, payload: merged, cancel });
    return true;
  }

  /** As {@link addAfter} with the key's exponential back-off, which this counts up. Gives the delay, milliseconds. */
  addRateLimited(request: Request, payload: DelayedPayload<Payload>, priority: Priority): number {
    const delayMs = this.#rateLimiter.when(requestKey(request));
    if (this.addAfter(request, payload, priority, delayMs)) this.#options.metrics.retries.inc();
    return delayMs;
  }

  /** The key's back-off starts anew the next time that it fails. */
  forget(request: Request): void {
    this.#rateLimiter.forget(requestKey(request));
  }

  /**
   * Takes nothing more, drops what waits for its time, and resolves once all that was due has been worked on.
   * @returns how many delayed requests were dropped
   */
  async shutDownWithDrain(): Promise<number> {
    this.#shuttingDown = true;
    const dropped = this.#delayed.size;
    for (const key of this.#delayed.keys()) this.#undelay(key);
    await this.#pqueue.onIdle();
    return dropped;
  }

  #markDirty(key: string, request: Request, payload: Payload, priority: Priority): void {
    const { clock, merge, metrics } = this.#options;
    const waiting = this.#dirty.get(key);
    if (waiting === undefined) {
      metrics.adds.inc();
      this.#dirty.set(key, { request, payload, priority, addedAt: clock.now() });
      if (!this.#processing.has(key)) this.#enqueue(key, priority);
      return;
    }
    const higher = higherOf(waiting.priority, priority);
    this.#dirty.set(key, { ...waiting, payload: merge(waiting.payload, payload), priority: higher });
    if (higher !== waiting.priority && !this.#processing.has(key)) this.#pqueue.setPriority(key, rank[higher]);
  }

  #enqueue(key: string, priority: Priority): void {
    // The promise settles with the task, which never rejects; it is caught all the same, for nothing may float.
    this.#pqueue.add(() => this.#run(key), { priority: rank[priority], id: key }).catch(() => undefined);
  }

  async #run(key: string): Promise<void> {
    const { clock, metrics, work } = this.#options;
    const item = this.#dirty.get(key)!;
    this.#dirty.delete(key);
    this.#processing.add(key);
    const startedAt = clock.now();
    metrics.queueDuration.observe(Math.max(0, startedAt - item.addedAt) / 1000);
    try {
      await work(item);
    } finally {
      metrics.workDuration.observe(Math.max(0, clock.now() - startedAt) / 1000);
      this.#processing.delete(key);
      const again = this.#dirty.get(key);
      if (again !== undefined) this.#enqueue(key, again.priority);
    }
  }

  #bothDelayed(earlier: DelayedPayload<Payload>, later: DelayedPayload<Payload>): DelayedPayload<Payload> {
    return (isDue) => this.#options.merge(earlier(isDue), later(isDue));
  }

  #undelay(key: string): Delayed<Payload> | undefined {
    const delayed = this.#delayed.get(key);
    delayed?.cancel();
    this.#delayed.delete(key);
    return delayed;
  }
}

function higherOf(a: Priority, b: Priority): Priority {
  return rank[a] >= rank[b] ? a : b;
}
