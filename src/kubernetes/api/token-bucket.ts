import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/deadline.ts';

export interface TokenBucketOptions {
  readonly clock: Clock;
  /** Calls a second in the long run. */
  readonly qps: number;
  /** Calls at once after a rest. */
  readonly burst: number;
}

/**
 * A token bucket, as client-go limits its calls: who comes first goes first. It keeps the time at which the bucket would
 * be full again (the theoretical arrival time of GCRA), which says all about its level.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  #fullAt = 0;
  #askedAt = 0;

  constructor({ clock, qps, burst }: TokenBucketOptions) {
    this.#clock = clock;
    this.#intervalMs = 1000 / qps;
    this.#burstMs = burst * this.#intervalMs;
  }

  /** Resolves when a call may be made, to how long that took, milliseconds. Rejects with the signal's reason; the place is then free again. */
  async acquire(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const now = this.#now();
    this.#fullAt = Math.max(this.#fullAt, now) + this.#intervalMs;
    const delayMs = this.#fullAt - this.#burstMs - now;
    if (delayMs <= 0) return 0;
    try {
      await sleep(this.#clock, delayMs, signal);
    } catch (error) {
      this.#fullAt -= this.#intervalMs;
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
      const now = this.#now();
      const fullAt = Math.max(this.#fullAt, now) + this.#intervalMs;
      const delayMs = fullAt - this.#intervalMs - now;
      if (delayMs <= 0) {
        this.#fullAt = fullAt;
        return waitedMs;
      }
      await sleep(this.#clock, delayMs, signal);
      waitedMs += delayMs;
    }
  }

  /** A clock that was set back makes nobody wait longer: the bucket is as full as it was. */
  #now(): number {
    const now = this.#clock.now();
    this.#fullAt -= Math.max(0, this.#askedAt - now);
    this.#askedAt = now;
    return now;
  }
}
