import type { Clock } from '../runtime/clock.ts';

interface Rate {
  readonly atOnce: number;
  /** In the long run. */
  readonly perSecond: number;
}

/**
 * The most lines about single alerts that are kept although the log leaves them out: each takes as long as all other work on an alert.
 * Further alerts are recorded only by their hashes.
 */
export const nameRate: Rate = { atOnce: 1000, perSecond: 100 };

/** The most lines of `alerts.received` that are kept: each costs some 5 µs, a tenth of a POST of one alert. Further ones are counted. */
export const requestRate: Rate = { atOnce: 1000, perSecond: 1000 };

/** Bounds what the history costs while more comes than anybody can read. */
export class Budget {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #left: number;
  #at: number;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#left = rate.atOnce;
    this.#at = clock.monotonic();
  }

  /** True if one more may be kept. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const { atOnce, perSecond } = this.#rate;
    this.#left = Math.min(atOnce, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
