import type { CancelTimer, Clock } from './clock.ts';
import { sleep } from './deadline.ts';

export interface TokenBucketOptions {
  readonly clock: Clock;
  /** In the long run, one call is allowed per interval. */
  readonly intervalMs: number;
  /** The number of calls allowed at once after a rest. */
  readonly burst: number;
}

/** Fractions of a millisecond accumulate errors; a call that is this much too early is on time. */
const roundingMs = 1e-6;

/** A caller that waits for a token. */
interface Waiter {
  readonly grant: () => void;
}

/**
 * A token bucket with which client-go and golang.org/x/time/rate limit calls: first come, first served, and those that are urgent before
 * all others. Its only state beside those who wait is the time until it is full again (GCRA), which determines its level. A clock that
 * is set back neither fills it nor makes a caller wait longer.
 */
export class TokenBucket {
  readonly intervalMs: number;
  readonly burst: number;
  readonly #clock: Clock;
  readonly #urgent = new Set<Waiter>();
  readonly #others = new Set<Waiter>();
  /** Of the next token; set while somebody waits. */
  #cancelTimer: CancelTimer | undefined;
  #untilFullMs = 0;
  #askedAt = 0;

  constructor({ clock, intervalMs, burst }: TokenBucketOptions) {
    this.#clock = clock;
    this.intervalMs = intervalMs;
    this.burst = burst;
  }

  /** True if a call may be made at once; otherwise no token is taken. */
  take(): boolean {
    return this.#takeWithin(this.burst) === 0;
  }

  /**
   * Resolves when a call may be made, with the time that it waited, milliseconds. Rejects with the signal's reason; then the
   * place is free again.
   * @param isUrgent it goes before those that are not, even if they came first
   */
  async acquire(signal: AbortSignal, isUrgent = false): Promise<number> {
    signal.throwIfAborted();
    if (this.#waiting === 0 && this.#takeWithin(this.burst) === 0) return 0;
    const askedAt = this.#clock.monotonic();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { grant: resolve };
    const waiters = isUrgent ? this.#urgent : this.#others;
    const abort = (): void => {
      waiters.delete(waiter);
      if (this.#waiting === 0) this.#cancel();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    waiters.add(waiter);
    this.#cancelTimer ??= this.#setTimer();
    await promise.finally(() => signal.removeEventListener('abort', abort));
    return this.#clock.monotonic() - askedAt;
  }

  /**
   * Like {@link acquire}, but takes only what others leave: it waits until the bucket is full, so that it costs a burst of other
   * calls at most one of theirs. For one caller at a time.
   */
  async acquireSpare(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    for (let waitedMs = 0; ;) {
      const delayMs = this.#spareInMs();
      if (delayMs === 0) return waitedMs;
      await sleep(this.#clock, delayMs, signal);
      waitedMs += delayMs;
    }
  }

  get #waiting(): number {
    return this.#urgent.size + this.#others.size;
  }

  /** Those who wait are to get theirs first. */
  #spareInMs(): number {
    return this.#waiting === 0 ? this.#takeWithin(1) : this.#missingMs(1) + this.#waiting * this.intervalMs;
  }

  #setTimer(): CancelTimer {
    return this.#clock.setTimeout(() => this.#due(), this.#missingMs(this.burst));
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #due(): void {
    this.#missingMs(this.burst);
    // A token is there, even if the clock was set back meanwhile.
    this.#untilFullMs = Math.min(this.#untilFullMs, (this.burst - 1) * this.intervalMs);
    do this.#grant();
    while (this.#waiting > 0 && this.#missingMs(this.burst) === 0);
    this.#cancelTimer = this.#waiting > 0 ? this.#setTimer() : undefined;
  }

  #grant(): void {
    const waiters = this.#urgent.size > 0 ? this.#urgent : this.#others;
    const [first] = waiters;
    if (first === undefined) return;
    waiters.delete(first);
    this.#untilFullMs += this.intervalMs;
    first.grant();
  }

  /** Takes a token if it is within the last `calls` of the bucket; returns the time until it would be, milliseconds. */
  #takeWithin(calls: number): number {
    const delayMs = this.#missingMs(calls);
    if (delayMs === 0) this.#untilFullMs += this.intervalMs;
    return delayMs;
  }

  #missingMs(calls: number): number {
    const now = this.#clock.now();
    this.#untilFullMs = Math.max(0, this.#untilFullMs - Math.max(0, now - this.#askedAt));
    this.#askedAt = now;
    const missingMs = this.#untilFullMs + this.intervalMs - calls * this.intervalMs;
    return missingMs > roundingMs ? missingMs : 0;
  }
}
