import PQueue from 'p-queue';
import type { CancelTimer, Clock } from '../runtime/clock.ts';
import { NamespaceGate } from './namespace-gate.ts';
import { FairLanes, WorkerShare, RateLimiter, type FairLaneOptions, type Standing } from './fair-lanes.ts';
import { DirtyRequests, higherOf, rank, type Priority, type WorkItem } from './dirty-requests.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import type { WorkQueueMetrics } from './work-queue-metrics.ts';

export interface WorkQueueOptions<Payload> {
  readonly clock: Clock;
  readonly workers: Workers;
  /** Combines the payloads of two adds before a run; `later` was added after `earlier`. */
  readonly merge: (earlier: Payload, later: Payload) => Payload;
  /** Works on one request. It must settle and must not reject: its caller handles the outcome. */
  readonly work: (item: WorkItem<Payload>) => Promise<void>;
  readonly metrics: WorkQueueMetrics;
  readonly rateLimiter?: RateLimiter;
  /** Asked before each run, for queues that share workers. Default: a free worker is enough. */
  readonly permits?: Permits | undefined;
  /** Called when a request that failed last waits because such requests hold their half of the workers. */
  readonly onHeld?: (held: FailedRequests) => void;
}

/** The right to run, of which several queues have a share. */
export interface Permits {
  /** At once, or when it is the turn of this queue: what gives the right back. Never rejects. */
  acquire(): (() => void) | Promise<() => void>;
}

/** The numbers of requests that are worked on at once. */
export interface Workers {
  /** Of any priority. */
  readonly any: number;
  /** Of the priority `platform`, beside those. */
  readonly reserved: number;
}

/** Requests whose last run failed. */
export interface FailedRequests {
  /** The number that wait for a free worker, not for their back-off. */
  readonly waiting: number;
  readonly running: number;
  /** The most that may run. */
  readonly limit: number;
}

/** Makes the payload of a delayed request: when its time has come, or earlier, when another add replaces it. */
export type DelayedPayload<Payload> = (isDue: boolean) => Payload;

interface Delayed<Payload> {
  /** The number of the add that failed or was delayed. */
  readonly firstAdd: number;
  readonly readyAt: number;
  readonly priority: Priority;
  readonly payload: DelayedPayload<Payload>;
  readonly cancel: CancelTimer;
}

/**
 * client-go's work queue on p-queue. A key is at most once in each of these sets:
 *
 * - `delayed`: it waits for its time; an add, or its time, moves it to `dirty`.
 * - `dirty`: it has to be worked on. Unless it is being worked on now, it has a place in p-queue.
 * - `processing`: it is being worked on. If it is also dirty, it goes back into p-queue when that ends. So a key is never worked
 *   on twice at once, and an add during the work means exactly one more run after it.
 *
 * What is added to a key for which the platform waits goes behind it, as if that were being worked on already: merged, it would make the
 * platform wait for a snapshot that is as new as the later alert.
 *
 * A key that failed last ({@link RateLimiter.failures}) waits behind the well ones, and such keys hold at most half of the
 * workers: see {@link WorkerShare}.
 *
 * The keys of one namespace hold at most half of the workers, for each priority: see {@link NamespaceGate}.
 *
 * p-queue's `timeout` is not used: it would free the slot while the work still runs.
 */
export class WorkQueue<Payload> {
  readonly #options: WorkQueueOptions<Payload>;
  readonly #rateLimiter: RateLimiter;
  readonly #share: WorkerShare;
  readonly #gate: NamespaceGate;
  readonly #pqueue: PQueue<FairLanes, FairLaneOptions>;
  readonly #dirty: DirtyRequests<Payload>;
  /** When the run of each key started, milliseconds, and the number of its first add. */
  readonly #processing = new Map<string, { readonly startedAt: number; readonly firstAdd: number }>();
  /** The keys that have a worker, and wait for the right to run. What is added meanwhile is merged. */
  readonly #permitted = new Set<string>();
  /** The keys that p-queue has, or the gate before it. */
  readonly #queued = new Set<string>();
  readonly #delayed = new Map<string, Delayed<Payload>>();
  /** The number of keys in p-queue that failed last. */
  #failedWaiting = 0;
  #shuttingDown = false;
  #isHeld = false;

  constructor(options: WorkQueueOptions<Payload>) {
    this.#options = options;
    this.#dirty = new DirtyRequests(options);
    this.#rateLimiter = options.rateLimiter ?? new RateLimiter();
    const { any, reserved } = options.workers;
    this.#share = new WorkerShare(any);
    this.#gate = new NamespaceGate(() => this.#share.limit);
    this.#pqueue = new PQueue({ concurrency: any + reserved, queueClass: fairLanesOf(this.#share) });
  }

  /** Current work goes on. */
  set workers({ any, reserved }: Workers) {
    this.#share.workers = any;
    this.#pqueue.concurrency = any + reserved;
  }

  /**
   * While it is true, no work starts: requests are accepted, merged, and wait. Current work goes on. There is at most one waiting request
   * for each key, so the number of objects bounds them.
   */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    if (isHeld) return;
    for (const { request, priority } of this.#dirty.values()) {
      const key = requestKey(request);
      if (!this.#processing.has(key) && !this.#queued.has(key)) this.#enqueue(request, priority);
    }
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Counts the adds. */
  get added(): number {
    return this.#dirty.added;
  }

  /**
   * Takes out the requests that are held and to which nothing was added since then.
   * @param added see {@link added}
   */
  dropHeld(added: number): readonly WorkItem<Payload>[] {
    return this.#isHeld ? this.#dirty.take(added, (key) => !this.#queued.has(key)) : [];
  }

  /** Returns what is true once everything that has been added so far has been worked on, failed work included. */
  barrier(): () => boolean {
    const { added } = this.#dirty;
    const isLater = ({ firstAdd }: { readonly firstAdd: number }): boolean => firstAdd > added;
    const sets = [this.#processing, this.#delayed];
    return () => this.#dirty.every(isLater) && sets.every((set) => [...set.values()].every(isLater));
  }

  /** The number of requests that wait for a free worker. */
  get depth(): number {
    return this.#dirty.size;
  }

  /** The number of requests that are worked on. */
  get running(): number {
    return this.#processing.size;
  }

  /** When the oldest waiting request was added, and when the oldest run started, milliseconds. Both sets are in that order. */
  get oldest(): { readonly addedAt: number | undefined; readonly startedAt: number | undefined } {
    const [waiting] = this.#dirty.values();
    const [running] = this.#processing.values();
    return { addedAt: waiting?.addedAt, startedAt: running?.startedAt };
  }

  /** The number of requests that wait or run and whose last run failed. */
  get failed(): FailedRequests {
    const { failedRunning: running, limit } = this.#share;
    return { waiting: this.#failedWaiting, running, limit };
  }

  /** The number of requests that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /**
   * Works on the request now, whatever its back-off, merged into the work that waits for the same key. Returns false and does
   * nothing once the queue shuts down.
   */
  add(request: Request, payload: Payload, priority: Priority): boolean {
    return this.#add(request, payload, priority, this.#dirty.added + 1);
  }

  #add(request: Request, payload: Payload, priority: Priority, firstAdd: number): boolean {
    if (this.#shuttingDown) return false;
    const key = requestKey(request);
    const delayed = this.#undelay(key);
    const carried = delayed === undefined ? payload : this.#options.merge(delayed.payload(false), payload);
    const higher = delayed === undefined ? priority : higherOf(delayed.priority, priority);
    const first = Math.min(firstAdd, delayed?.firstAdd ?? Number.POSITIVE_INFINITY);
    this.#markDirty(key, { request, payload: carried, priority: higher }, first);
    return true;
  }

  /**
   * Like {@link add}, after a delay. Of two delays for one key, the earlier counts.
   * @param payload called once: when its time has come, or when another add replaces it
   */
  addAfter(request: Request, payload: DelayedPayload<Payload>, priority: Priority, delayMs: number): boolean {
    if (this.#shuttingDown) return false;
    const key = requestKey(request);
    const earlier = this.#undelay(key);
    const now = this.#options.clock.monotonic();
    const readyAt = Math.min(now + delayMs, earlier?.readyAt ?? Number.POSITIVE_INFINITY);
    const merged = earlier === undefined ? payload : this.#bothDelayed(earlier.payload, payload);
    const higher = earlier === undefined ? priority : higherOf(earlier.priority, priority);
    const firstAdd = Math.min(this.#firstAddOf(key, priority), earlier?.firstAdd ?? Number.POSITIVE_INFINITY);
    const due = (): void => {
      this.#delayed.delete(key);
      this.#add(request, merged(true), higher, Math.min(firstAdd, this.#dirty.added + 1));
    };
    const cancel = this.#options.clock.setTimeout(due, readyAt - now);
    this.#delayed.set(key, { firstAdd, readyAt, priority: higher, payload: merged, cancel });
    return true;
  }

  /**
   * Like {@link addAfter} with the key's exponential back-off, which this call increases. Returns the delay, milliseconds.
   * @param atLeastMs the duration of the failed run: so a key whose runs time out takes at most half of a worker's time
   */
  addRateLimited(
    request: Request,
    payload: DelayedPayload<Payload>,
    priority: Priority,
    atLeastMs: number = 0,
  ): number {
    const delayMs = Math.max(this.#rateLimiter.when(requestKey(request)), atLeastMs);
    if (this.addAfter(request, payload, priority, delayMs)) this.#options.metrics.retries.inc();
    return delayMs;
  }

  /** Resets the key's back-off. */
  forget(request: Request): void {
    this.#rateLimiter.forget(requestKey(request));
  }

  /**
   * Accepts nothing more, drops what waits for its time, and resolves once all due work is done.
   * @returns the number of dropped delayed requests
   */
  async shutDownWithDrain(): Promise<number> {
    this.#shuttingDown = true;
    const dropped = this.#delayed.size;
    for (const key of this.#delayed.keys()) this.#undelay(key);
    await this.#pqueue.onIdle();
    return dropped;
  }

  /** A periodic look is owed to nobody; what has failed is as old as the run that failed. */
  #firstAddOf(key: string, priority: Priority): number {
    if (priority === 'resync') return Number.POSITIVE_INFINITY;
    return this.#processing.get(key)?.firstAdd ?? this.#dirty.added + 1;
  }

  #markDirty(key: string, given: Omit<WorkItem<Payload>, 'addedAt'>, firstAdd: number): void {
    const { request, priority } = given;
    const waiting = this.#dirty.get(key);
    const merged = this.#dirty.add(key, given, firstAdd);
    if (merged === 'behind') return;
    if (this.#processing.has(key)) return;
    if (waiting === undefined) return this.#enqueue(request, priority);
    if (merged.priority === waiting.priority || !this.#queued.has(key) || this.#permitted.has(key)) return;
    if (this.#gate.take(request)) return this.#enqueue(request, merged.priority);
    this.#pqueue.setPriority(key, rank[merged.priority]);
    if (merged.priority === 'platform') this.#startReserved();
  }

  /** A reserved worker may be free. p-queue looks only when work is added or ends, and when its concurrency is set. */
  #startReserved(): void {
    const { concurrency } = this.#pqueue;
    this.#pqueue.concurrency = concurrency;
  }

  /** The platform waits for no gate, and neither does what has no namespace: it belongs to no team. */
  #enqueue(request: Request, priority: Priority): void {
    if (this.#isHeld) return;
    this.#queued.add(requestKey(request));
    const isFree = priority === 'platform' || request.namespace === undefined;
    if (isFree || this.#gate.enter(request, priority)) this.#start(request, priority);
  }

  #start(request: Request, priority: Priority): void {
    const key = requestKey(request);
    // The promise settles with the task, which never rejects. It is caught all the same, because no promise may be left
    // unhandled.
    const standing = this.#rateLimiter.failures(key) > 0 ? 'failed' : 'well';
    if (standing === 'failed') this.#failedWaiting++;
    this.#pqueue
      .add(() => this.#run(key, standing), { priority: rank[priority], id: key, standing })
      .catch(() => undefined);
    // It may have started by now.
    if (standing === 'failed' && this.#failedWaiting > 0 && !this.#share.isOpen) this.#options.onHeld?.(this.failed);
  }

  async #run(key: string, standing: Standing): Promise<void> {
    const { clock, metrics, work, permits } = this.#options;
    if (standing === 'failed') this.#failedWaiting--;
    // The lane from which it was taken, whatever is merged into it from now on.
    const { priority: lane } = this.#dirty.get(key)!;
    const permit = permits?.acquire();
    const giveBack = permit instanceof Promise ? await this.#whilePermitted(key, permit) : permit;
    const item = this.#dirty.get(key)!;
    this.#queued.delete(key);
    const leave = (): void => this.#leave(item, standing, lane, giveBack);
    if (this.#isHeld) return leave();
    this.#dirty.delete(key);
    const startedAt = clock.now();
    this.#processing.set(key, { startedAt, firstAdd: item.firstAdd });
    metrics.queueDuration.observe(Math.max(0, startedAt - item.addedAt) / 1000);
    try {
      await work(item);
    } finally {
      metrics.workDuration.observe(Math.max(0, clock.now() - startedAt) / 1000);
      this.#processing.delete(key);
      leave();
      const again = this.#dirty.get(key);
      if (again !== undefined) this.#enqueue(item.request, again.priority);
    }
  }

  async #whilePermitted<T>(key: string, permit: Promise<T>): Promise<T> {
    this.#permitted.add(key);
    try {
      return await permit;
    } finally {
      this.#permitted.delete(key);
    }
  }

  /** Others get its place. */
  #leave({ request }: WorkItem<Payload>, standing: Standing, lane: Priority, giveBack?: () => void): void {
    giveBack?.();
    this.#share.ended(standing, rank[lane]);
    if (request.namespace === undefined) return;
    for (const next of this.#gate.leave(request)) this.#start(next, this.#dirty.get(requestKey(next))!.priority);
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

/** p-queue constructs its own lanes. */
function fairLanesOf(share: WorkerShare): new () => FairLanes {
  return class extends FairLanes {
    constructor() {
      super(share);
    }
  };
}
