import type { Clock } from './clock.ts';
import { sleep } from './deadline.ts';

export interface TokenBucketOptions {
  readonly clock: Clock;
  /** One more call each, in the long run. */
  readonly intervalMs: number;
  /** Calls at once after a rest. */
  readonly burst: number;
}

/** Fractions of a millisecond add up with errors; so little too early is on time. */
const roundingMs = 1e-6;

/**
 * A token bucket, as client-go and golang.org/x/time/rate limit calls: who comes first goes first. It keeps how long the bucket takes
 * to be full again (GCRA), which says all about its level. A clock that is set back neither fills it nor makes anybody wait longer.
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

  /** True if a call may be made at once; otherwise nothing is taken. */
  take(): boolean {
    return this.#takeWithin(this.burst) === 0;
  }

  /** Resolves when a call may be made, to how long that took, milliseconds. Rejects with the signal's reason; the place is then free again. */
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
   * As {@link acquire}, but takes only what others leave: it waits until the bucket is full, so that it costs a burst of theirs
   * one call at most. For one caller at a time.
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

  /** Takes one if it is within the last `calls` of the bucket; how long until it would be, milliseconds. */
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
