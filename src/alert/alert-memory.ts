import {
  receivedTimes,
  mergeTimes,
  type AlertTimes,
  type Alert,
  type AlertTexts,
  type PostableAlert,
} from './alert.ts';
import type { LabelText } from './labels.ts';

const never: AlertTimes = { startsAt: 0, endsAt: 0, updatedAt: 0, timeout: false };

/**
 * Gives one object for consecutive equal times, and one text for consecutive equal names: in a POST of Prometheus, the alerts of
 * one rule come together. Each object that lives as long as an alert costs time, because the first collections of garbage move it
 * and every later one visits it.
 */
export class SharedTimes {
  #received = never;
  #merged = { stored: never, received: never, times: never };
  #name: string | undefined;

  /** See {@link receivedTimes}. */
  receivedTimes(posted: PostableAlert, now: number, resolveTimeoutMs: number): AlertTimes {
    const times = receivedTimes(posted, now, resolveTimeoutMs);
    return isSame(times, this.#received) ? this.#received : (this.#received = times);
  }

  /** See {@link mergeTimes}; the moment of the merge is that of the reception. */
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

/** The objects of an alert without its texts: alert, times, map entry, place in the heap; bytes. */
const alertBytes = 320;
/**
 * A name and a value: two references, two string headers, rounding, and a share of V8's record of a set of names seen once;
 * bytes.
 */
const pairBytes = 150;

/**
 * The memory of a stored alert in bytes, estimated on the high side (`npm run bench` compares the estimate with the heap). If the
 * labels are kept as a set, the key holds all their texts a second time, as JSON.
 */
export function alertSize(alert: Alert, characterBytes: 1 | 2, texts: AlertTexts = alert): number {
  const { annotations, generatorURL } = texts;
  const characters = alert.key.length + generatorURL.length;
  return (
    alertBytes +
    characterBytes * characters +
    textSize(annotations, characterBytes) +
    textSize(alert.keptLabels ?? '', characterBytes)
  );
}

function textSize(labels: LabelText, characterBytes: number): number {
  if (typeof labels === 'string') return characterBytes * labels.length;
  let bytes = 0;
  for (const name in labels) bytes += pairBytes + characterBytes * (name.length + labels[name]!.length);
  return bytes;
}
