import type { Clock } from '../runtime/clock.ts';
import type { LogLevel } from '../runtime/logger.ts';

/** Events that the log writes only at debug, and that are kept all the same. */
const debugEvents: ReadonlySet<string> = new Set([
  'alert.new',
  'alert.resolved',
  'alert.expired',
  'alerts.suppressed',
  'causes.named',
  'condition.unchanged',
  'reconcile.started',
  'reconcile.finished',
  'reconcile.failed',
  'silence.scheduled',
  'silence.started',
  'silence.changed',
  'silence.ended',
  'silence.cancelled',
  'trigger.suppressed',
]);

export interface Rate {
  readonly atOnce: number;
  /** In the long run. */
  readonly perSecond: number;
}

/**
 * The most lines about single alerts that are kept although the log leaves them out: each takes as long as all other work on an alert.
 * Further alerts are recorded only by their hashes.
 */
const nameRate: Rate = { atOnce: 100, perSecond: 100 };

/** The most lines of `alerts.received` that are kept: each costs some 2 µs, and 300 to 1000 bytes. Further ones are counted. */
const requestRate: Rate = { atOnce: 1000, perSecond: 1000 };

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

/** Decides which lines of the log the history keeps. */
export class Admission {
  readonly #names: Budget;
  readonly #requests: Budget;

  constructor(clock: Clock) {
    this.#names = new Budget(clock, nameRate);
    this.#requests = new Budget(clock, requestRate);
  }

  /**
   * True if a line is kept that the log would leave out. The number of lines about single alerts is limited per second, and each
   * true answer uses up one.
   */
  wants(event: string): boolean {
    return debugEvents.has(event) && (!event.startsWith('alert.') || this.#names.take());
  }

  keeps(level: LogLevel, event: string): boolean {
    return level !== 'debug' || debugEvents.has(event);
  }

  /** False if more lines of this event came than are kept. */
  hasRoom(event: string): boolean {
    return event !== 'alerts.received' || this.#requests.take();
  }
}
