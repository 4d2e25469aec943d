import type { Clock } from '../runtime/clock.ts';

/** Lines about single alerts that the log leaves out are kept so many at once, and so many a second in the long run. */
export const namesAtOnce = 1000;
export const namesPerSecond = 100;

/** What such lines may cost: each takes as long as an alert's whole way in. Alerts past it are told of by their hashes alone. */
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
