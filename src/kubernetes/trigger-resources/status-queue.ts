import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';

/** The least time between two writes of one status that tell counts, milliseconds. */
export const statusIntervalMs = 10_000;

/** The same for a write that tells whether a trigger is accepted and ready: nobody may cause a storm by changing a trigger. */
export const urgentStatusIntervalMs = 1000;

/** The limit on writes of the status of all triggers together, per second, and at once after a pause. */
export const statusWritesPerSecond = 10;
export const statusWriteBurst = 30;

/** How many of them may be under way: one that hangs must not hold up the others. */
const concurrentWrites = 4;

/** `failed`: to be tried again after `retryMs`. */
export type StatusWrite =
  { readonly result: 'written' | 'same' | 'gone' } | { readonly result: 'failed'; readonly retryMs: number };

interface StatusQueueOptions {
  readonly clock: Clock;
  /** Writes one status if it differs. Must not reject, unless the signal is aborted. */
  readonly write: (key: string, signal: AbortSignal) => Promise<StatusWrite>;
  /** Called before a write that has waited for its turn longer than {@link statusIntervalMs}. */
  readonly onDelay: (waitedMs: number) => void;
}

interface Entry {
  /** Milliseconds. */
  writtenAt: number;
  /** When it may be written; undefined: there is nothing to write. */
  dueAt: number | undefined;
  isUrgent: boolean;
  isRunning: boolean;
}

/**
 * Decides when which status is written. A status is told once however often it changes meanwhile, and those that tell whether a trigger
 * is ready go first.
 */
export class StatusQueue {
  readonly #options: StatusQueueOptions;
  readonly #bucket: TokenBucket;
  readonly #closed = new AbortController();
  readonly #entries = new Map<string, Entry>();
  /** Due, in the order in which they became so. */
  readonly #urgent = new Set<string>();
  readonly #due = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #timer: { readonly at: number; readonly cancel: CancelTimer } | undefined;
  #pumping: Promise<void> | undefined;

  constructor(options: StatusQueueOptions) {
    this.#options = options;
    const { clock } = options;
    this.#bucket = new TokenBucket({ clock, intervalMs: 1000 / statusWritesPerSecond, burst: statusWriteBurst });
  }

  /** How many wait for their turn, and not only for their interval. */
  get waiting(): number {
    return this.#urgent.size + this.#due.size;
  }

  /** @param isUrgent whether a trigger is accepted or ready has changed */
  add(key: string, isUrgent: boolean): void {
    if (this.#closed.signal.aborted) return;
    const entry = this.#entries.get(key) ?? this.#begin(key);
    const intervalMs = isUrgent ? urgentStatusIntervalMs : statusIntervalMs;
    const dueAt = Math.max(this.#options.clock.monotonic(), entry.writtenAt + intervalMs);
    entry.isUrgent ||= isUrgent;
    entry.dueAt = Math.min(entry.dueAt ?? Number.POSITIVE_INFINITY, dueAt);
    if (!entry.isRunning) this.#schedule(key, entry.dueAt);
  }

  /** The trigger is gone. */
  forget(key: string): void {
    this.#entries.delete(key);
    this.#urgent.delete(key);
    this.#due.delete(key);
  }

  /** What waits is not written any more: after a restart it is found again, except for what has been counted meanwhile. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the status of triggers is no longer written'));
    this.#timer?.cancel();
    await this.#pumping;
    await Promise.all(this.#running);
  }

  #begin(key: string): Entry {
    const entry: Entry = { writtenAt: Number.NEGATIVE_INFINITY, dueAt: undefined, isUrgent: false, isRunning: false };
    this.#entries.set(key, entry);
    return entry;
  }

  #schedule(key: string, dueAt: number): void {
    if (dueAt > this.#options.clock.monotonic()) return this.#wakeAt(dueAt);
    this.#makeReady(key);
    this.#pumping ??= this.#pump();
  }

  #makeReady(key: string): void {
    const isUrgent = this.#entries.get(key)?.isUrgent ?? false;
    if (isUrgent) this.#due.delete(key);
    (isUrgent ? this.#urgent : this.#due).add(key);
  }

  #wakeAt(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = { at, cancel: clock.setTimeout(() => this.#wake(), at - clock.monotonic()) };
  }

  #wake(): void {
    this.#timer = undefined;
    const now = this.#options.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, { dueAt, isRunning }] of this.#entries) {
      if (dueAt === undefined || isRunning) continue;
      if (dueAt <= now) this.#makeReady(key);
      else next = Math.min(next, dueAt);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wakeAt(next);
    if (this.waiting > 0) this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    const { signal } = this.#closed;
    try {
      while (this.waiting > 0) {
        await this.#bucket.acquire(signal);
        if (this.#running.size >= concurrentWrites) await Promise.race(this.#running);
        // Chosen only now: an urgent one may have come while the others waited.
        const key = first(this.#urgent) ?? first(this.#due);
        if (key !== undefined) this.#start(key);
      }
    } catch {
      // closed
    }
    this.#pumping = undefined;
  }

  #start(key: string): void {
    this.#urgent.delete(key);
    this.#due.delete(key);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const running = this.#write(key, entry).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #write(key: string, entry: Entry): Promise<void> {
    const { clock, onDelay, write } = this.#options;
    const waitedMs = clock.monotonic() - (entry.dueAt ?? clock.monotonic());
    if (waitedMs > statusIntervalMs) onDelay(waitedMs);
    entry.isRunning = true;
    entry.isUrgent = false;
    entry.dueAt = undefined;
    const outcome = await write(key, this.#closed.signal).catch(() => ({ result: 'gone' }) as const);
    entry.isRunning = false;
    if (outcome.result !== 'same') entry.writtenAt = clock.monotonic();
    if (outcome.result === 'failed') entry.dueAt = clock.monotonic() + outcome.retryMs;
    const isCurrent = this.#entries.get(key) === entry && !this.#closed.signal.aborted;
    if (isCurrent && entry.dueAt !== undefined) this.#schedule(key, entry.dueAt);
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
