import { fingerprint, sortedNames } from './fingerprint.ts';
import { isLabelText, labelSetOf, type Labelled, type LabelSet, type LabelText } from './labels.ts';
import { TextHash } from './text-hash.ts';
import { compareByBytes } from '../text/go/utf8.ts';

/** Labels, and the key that tells them from others. */
export interface IdentifiedLabels extends Labelled {
  /** See {@link labelKey}. '' if they are invalid. */
  readonly key: string;
  /** The key's {@link TextHash}, if it is known. */
  readonly keyHash?: number;
}

/** One alert of a POST body that satisfies the schema: what the sender said, with empty label values already gone. */
export interface PostableAlert extends IdentifiedLabels {
  readonly annotations: LabelText;
  /** Milliseconds since the epoch; undefined if absent. */
  readonly startsAt: number | undefined;
  readonly endsAt: number | undefined;
  /** '' if absent. */
  readonly generatorURL: string;
  /** The alert that was stored under this key when this one was read; it may have been forgotten since. */
  readonly known?: IdentifiedLabels | undefined;
  /** Why the alert cannot be stored whatever the time is; undefined if it can. The rest of its batch is not concerned. */
  readonly invalid: string | undefined;
}

/** What an alert says besides its labels and times. */
export interface AlertTexts {
  readonly annotations: LabelText;
  /** '' if absent. */
  readonly generatorURL: string;
}

/** A stored alert: its labels for good, texts and times as of when it was received last. */
export class Alert implements Labelled, AlertTexts {
  readonly key: string;
  /** Of usual labels the key is kept alone, which is their text. */
  readonly #labels: LabelSet | undefined;
  /** As it was received last; the store writes them. */
  annotations: LabelText;
  generatorURL: string;
  times: AlertTimes;
  /** The label of that name; it need not be read from them. */
  alertname: string | undefined;
  /** What its last change was announced as; it lags behind `isResolved` until the expiry is processed. */
  announced: 'firing' | 'resolved';
  /** The key's {@link TextHash}. */
  readonly keyHash: number;
  /** What it takes in memory, estimated, bytes. */
  sizeBytes = 0;
  /** Where it stands in the store's deadline heap; the heap's business alone. */
  heapIndex = -1;
  #fingerprint: string | undefined;

  constructor(posted: IdentifiedLabels & AlertTexts, times: AlertTimes) {
    this.key = posted.key;
    this.keyHash = posted.keyHash ?? TextHash.of(posted.key);
    this.#labels = isLabelText(posted.key) ? undefined : posted.labels;
    this.annotations = posted.annotations;
    this.generatorURL = posted.generatorURL;
    this.times = times;
    this.alertname = alertnameIn(this.#labels ?? posted.key);
    this.announced = isResolved(times, times.updatedAt) ? 'resolved' : 'firing';
  }

  /** Made anew each time: who needs them often keeps them. */
  get labels(): LabelSet {
    return this.#labels ?? labelSetOf(this.key);
  }

  /** What is kept of the labels beside the key. */
  get keptLabels(): LabelSet | undefined {
    return this.#labels;
  }

  /** Alertmanager's fingerprint of the labels, 16 hexadecimal digits. */
  get fingerprint(): string {
    return (this.#fingerprint ??= fingerprint(this.labels));
  }
}

/** In a text without a backslash a quote and a colon can follow nothing but a name. */
function alertnameIn(labels: LabelText): string | undefined {
  if (typeof labels !== 'string') return Object.hasOwn(labels, 'alertname') ? labels['alertname'] : undefined;
  const opening = '"alertname":"';
  const from = labels.indexOf(opening) + opening.length;
  return from < opening.length ? undefined : labels.slice(from, labels.indexOf('"', from));
}

/** When an alert began, ends and was received last; milliseconds since the epoch. Alerts share them: nobody writes into one. */
export interface AlertTimes {
  readonly startsAt: number;
  readonly endsAt: number;
  /** When the alert was received last. */
  readonly updatedAt: number;
  /** True if the sender gave no end, so that `endsAt` is only when we stop believing in it. */
  readonly timeout: boolean;
}

/** An alert whose end is `now` has ended, as everywhere in Alertmanager. */
export function isResolved({ endsAt }: AlertTimes, now: number): boolean {
  return endsAt <= now;
}

/**
 * Alertmanager's defaulting of times (its postAlertsHandler): no start means now, or the end if that is given; no end
 * means `now + resolveTimeoutMs`.
 */
export function receivedTimes(
  { startsAt, endsAt }: Pick<PostableAlert, 'startsAt' | 'endsAt'>,
  now: number,
  resolveTimeoutMs: number,
): AlertTimes {
  return {
    startsAt: startsAt ?? endsAt ?? now,
    endsAt: endsAt ?? now + resolveTimeoutMs,
    updatedAt: now,
    timeout: endsAt === undefined,
  };
}

/**
 * What is stored after `received` comes in for an alert that is stored as `stored`: both merged if they overlap, `received`
 * alone otherwise (a new episode, or the usual re-send with the same start and a later end). The texts of an alert are those of
 * the one whose `updatedAt` is taken, the younger.
 * Source of the rules: Alertmanager 0.34, provider/mem and alert.Merge.
 */
export function mergeTimes(stored: AlertTimes, received: AlertTimes, now: number): AlertTimes {
  if (!overlaps(stored, received)) return received;
  return stored.updatedAt > received.updatedAt ? merge(received, stored, now) : merge(stored, received, now);
}

/** Strict on both sides, and not symmetric: does the received alert end, or start, within the stored one? */
function overlaps(stored: AlertTimes, received: AlertTimes): boolean {
  const endsWithin = received.endsAt > stored.startsAt && received.endsAt < stored.endsAt;
  const startsWithin = received.startsAt > stored.startsAt && received.startsAt < stored.endsAt;
  return endsWithin || startsWithin;
}

function merge(older: AlertTimes, younger: AlertTimes, now: number): AlertTimes {
  return { ...younger, startsAt: Math.min(older.startsAt, younger.startsAt), endsAt: mergedEnd(older, younger, now) };
}

function mergedEnd(older: AlertTimes, younger: AlertTimes, now: number): number {
  // Of two explicit resolves the later one counts.
  if (isResolved(younger, now)) return isResolved(older, now) ? Math.max(older.endsAt, younger.endsAt) : younger.endsAt;
  // While the alert fires, an end that a sender promised is not shortened; one that was only our timeout is.
  return older.endsAt > younger.endsAt && !older.timeout ? older.endsAt : younger.endsAt;
}

/**
 * The order of label sets in Alertmanager (LabelSet.Before of github.com/prometheus/common): those with fewer labels first,
 * then, at the first
 * name that they do not share, that which has not got it; at the first name whose values differ, the smaller value.
 */
export function compareLabelSets(a: LabelSet, b: LabelSet): number {
  const names = sortedNames(a);
  const others = sortedNames(b);
  if (names.length !== others.length) return names.length - others.length;
  for (let index = 0; index < names.length; index++) {
    const [name, other] = [names[index]!, others[index]!];
    const order = compareByBytes(other, name) || compareByBytes(a[name]!, b[other]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** The order of the alerts in a group: by `job`, by `instance`, those without one last, then as label sets. */
export function compareInGroup(a: LabelSet, b: LabelSet): number {
  return compareLabel('job', a, b) || compareLabel('instance', a, b) || compareLabelSets(a, b);
}

function compareLabel(name: string, a: LabelSet, b: LabelSet): number {
  const valueA = a[name];
  const valueB = b[name];
  if (valueA === undefined || valueB === undefined) return Number(valueA === undefined) - Number(valueB === undefined);
  return compareByBytes(valueA, valueB);
}
