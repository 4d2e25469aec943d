import type { Clock } from '../runtime/clock.ts';
import { entrySize, type Entry } from './fact.ts';

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

/** The most lines that wait to be kept, and their most memory, bytes; further lines are lost. */
const maxWaiting = 50_000;
export const maxWaitingBytes = 8 * 1024 * 1024;

/** With so many lines, or so much memory, they are written at once. */
const soonLines = 5000;
const soonBytes = maxWaitingBytes / 4;

/** Lines that wait to be kept. Those that are being kept count until that is done. */
export class WaitingLines {
  #entries: Entry[] = [];
  #bytes = 0;
  #bytesBeingKept = 0;

  get count(): number {
    return this.#entries.length;
  }

  /** False if there is no room. */
  add(entry: Entry): boolean {
    const bytes = entrySize(entry);
    if (this.count >= maxWaiting || this.#bytes + this.#bytesBeingKept + bytes > maxWaitingBytes) return false;
    this.#bytes += bytes;
    this.#entries.push(entry);
    return true;
  }

  /** Adds a line even if there is no room: one of few. */
  addLast(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** True when it is time to write the lines at once. */
  get areMany(): boolean {
    return this.count >= soonLines || this.#bytes >= soonBytes;
  }

  /** All lines, which are being kept until {@link areKept} or the next call. */
  take(): readonly Entry[] {
    const entries = this.#entries;
    this.#bytesBeingKept = this.#bytes;
    this.clear();
    return entries;
  }

  areKept(): void {
    this.#bytesBeingKept = 0;
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }
}
