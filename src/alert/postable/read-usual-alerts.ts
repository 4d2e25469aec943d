import { fieldName } from './read-alerts.ts';
import type { LabelSet } from '../labels.ts';
import { noAnnotations, postableAlert } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { isRequestUri } from '../../text/go/url.ts';
import { parseDateTime } from '../../text/go/date-time.ts';

/**
 * Reads the bodies that real senders send, at the speed of JSON.parse: an array of alerts with fields as in the schema. For every
 * unusual body, right or wrong, it returns undefined; then {@link readAlerts} has to read it. It has one blind spot: of members
 * with the same name, JSON.parse shows only the last one, so the others may be anything.
 * @param text well-formed Unicode
 */
export function readAlertsFast(text: string, maxLabels: number): PostableAlert[] | undefined {
  // Lone surrogates can only come from escapes; replacing them is not for the fast way.
  if (text.includes('\\ud') || text.includes('\\uD')) return undefined;
  const body = parseOrUndefined(text);
  if (!Array.isArray(body)) return undefined;
  const alerts: PostableAlert[] = [];
  for (const value of body as unknown[]) {
    const alert = usualAlert(value, maxLabels);
    if (alert === undefined) return undefined;
    alerts.push(alert);
  }
  return alerts;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The fields of an alert while they are being read. */
interface Draft {
  labels: LabelSet | undefined;
  annotations: LabelSet;
  startsAt: number | undefined;
  endsAt: number | undefined;
  generatorURL: string;
}

function usualAlert(value: unknown, maxLabels: number): PostableAlert | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const draft: Draft = {
    labels: undefined,
    annotations: noAnnotations,
    startsAt: undefined,
    endsAt: undefined,
    generatorURL: '',
  };
  for (const name in value) if (!readField(draft, name, (value as Record<string, unknown>)[name])) return undefined;
  const { labels, annotations, startsAt, endsAt, generatorURL } = draft;
  if (labels === undefined) return undefined;
  return postableAlert({ labels, annotations, startsAt, endsAt, generatorURL }, maxLabels);
}

/** Returns false if the field is unusual. */
function readField(draft: Draft, name: string, field: unknown): boolean {
  switch (name) {
    case 'labels':
      return isUsualLabelSet(field) && ((draft.labels = field), true);
    case 'annotations':
      return isUsualLabelSet(field) && ((draft.annotations = field), true);
    case 'startsAt':
      return (draft.startsAt = usualTime(field)) !== undefined;
    case 'endsAt':
      return (draft.endsAt = usualTime(field)) !== undefined;
    case 'generatorURL':
      return typeof field === 'string' && (field === '' || isRequestUri(field)) && ((draft.generatorURL = field), true);
    default:
      return typeof field === 'string' && isTrustworthy(name) && fieldName(name) === undefined;
  }
}

/** `2026-11-21T03:08:54.829123456+02:00` */
const longestUsualTime = 35;

/** Leaves out 1970 and earlier: an empty text and Go's zero time have rules of their own. */
function usualTime(field: unknown): number | undefined {
  const time = typeof field === 'string' && field.length <= longestUsualTime ? parseDateTime(field) : undefined;
  return time !== undefined && time > 0 ? time : undefined;
}

/** Reads times, most of which are equal to the one before. */
export class TimeCache {
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
 * In Node 22 to 26 JSON.parse can mistake an escaped member name for another one that it has seen before; such a wrong name
 * always has a backslash (nodejs/node issues 63785 and 64546). The careful reader is not affected.
 */
function isTrustworthy(name: string): boolean {
  return !name.includes('\\');
}
