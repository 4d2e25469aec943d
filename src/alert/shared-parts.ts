import { receivedTimes, type AlertTimes } from './alert-times.ts';
import { mergeTimes } from './merge.ts';
import type { PostableAlert } from './postable/postable-alert.ts';

const never: AlertTimes = { startsAt: 0, endsAt: 0, updatedAt: 0, timeout: false };

/**
 * Gives one object for equal times, and one text for equal names, that follow one another, as they do in a POST of Prometheus:
 * the alerts of one rule come together. What lives as long as an alert is dear: each collection of garbage has to look at it,
 * and the first ones to move it.
 */
export class SharedParts {
  #received = never;
  #merged = { stored: never, received: never, times: never };
  #name: string | undefined;

  /** See {@link receivedTimes}. */
  receivedTimes(posted: PostableAlert, now: number, resolveTimeoutMs: number): AlertTimes {
    const times = receivedTimes(posted, now, resolveTimeoutMs);
    return isSame(times, this.#received) ? this.#received : (this.#received = times);
  }

  /** See {@link mergeTimes}; it is now that they are received. */
  mergedTimes(stored: AlertTimes, received: AlertTimes): AlertTimes {
    const last = this.#merged;
    if (stored === last.stored && received === last.received) return last.times;
    const times = mergeTimes(stored, received, received.updatedAt);
    this.#merged = { stored, received, times };
    return times;
  }

  name(name: string | undefined): string | undefined {
    return name === this.#name ? this.#name : (this.#name = name);
  }
}

function isSame(a: AlertTimes, b: AlertTimes): boolean {
  return a.startsAt === b.startsAt && a.endsAt === b.endsAt && a.updatedAt === b.updatedAt && a.timeout === b.timeout;
}
