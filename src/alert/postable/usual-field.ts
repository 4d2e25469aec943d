import { parseDateTime } from '../../text/go/date-time.ts';
import type { LabelSet } from '../label-set.ts';

/** `2026-11-21T03:08:54.829123456+02:00` */
const longestUsualTime = 35;

/** 1970 and earlier is left out: an empty text and Go's zero time have rules of their own. */
export function usualTime(field: unknown): number | undefined {
  const time = typeof field === 'string' && field.length <= longestUsualTime ? parseDateTime(field) : undefined;
  return time !== undefined && time > 0 ? time : undefined;
}

/** Reads times of which most are written as the one before. */
export class UsualTimes {
  #text = '';
  #time: number | undefined;

  /** See {@link usualTime}. */
  of(text: string): number | undefined {
    if (text === this.#text) return this.#time;
    this.#text = text;
    return (this.#time = usualTime(text));
  }
}

export function isUsualLabelSet(field: unknown): field is LabelSet {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return false;
  for (const name in field) {
    if (typeof (field as Record<string, unknown>)[name] !== 'string' || !isTrustworthy(name)) return false;
  }
  return true;
}

/**
 * In Node 22 to 26 JSON.parse can take a member name that is written with an escape for another one that it has seen before;
 * the wrong name always holds a backslash (nodejs/node issues 63785 and 64546). The careful reader is not concerned.
 */
export function isTrustworthy(name: string): boolean {
  return !name.includes('\\');
}
