import type { Clock } from './clock.ts';
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

/**
 * A token bucket with which client-go and golang.org/x/time/rate limit calls: first come, first served. Its only state is the
 * time until it is full again (GCRA), which determines its level. A clock that is set back neither fills it nor makes a caller
 * wait longer.
 */
export class TokenBucket {
  readonly intervalMs: number;
  readonly burst: number;
  readonly #clock: Clock;
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
   */
  async acquire(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const delayMs = this.#missingMs(this.burst);
    this.#untilFullMs += this.intervalMs;
    if (delayMs === 0) return 0;
    try {
      await sleep(this.#clock, delayMs, signal);
    } catch (error) {
      this.#untilFullMs -= this.intervalMs;
      throw error;
    }
    return delayMs;
  }

  /**
   * Like {@link acquire}, but takes only what others leave: it waits until the bucket is full, so that it costs a burst of other
   * calls at most one of theirs. For one caller at a time.
   */
  async acquireSpare(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    for (let waitedMs = 0; ;) {
      const delayMs = this.#takeWithin(1);
      if (delayMs === 0) return waitedMs;
      await sleep(this.#clock, delayMs, signal);
      waitedMs += delayMs;
    }
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
