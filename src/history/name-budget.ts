import type { Clock } from '../runtime/clock.ts';

/** The most lines about single alerts that are kept although the log leaves them out: at once, and per second in the long run. */
export const namesAtOnce = 1000;
export const namesPerSecond = 100;

/**
 * Bounds the cost of such lines: each takes as long as all other work on an alert. Further alerts are recorded only by their
 * hashes.
 */
export class NameBudget {
  readonly #clock: Clock;
  #left = namesAtOnce;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** True if one more may be kept. */
  take(): boolean {
    const now = this.#clock.monotonic();
    this.#left = Math.min(namesAtOnce, this.#left + ((now - this.#at) / 1000) * namesPerSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
