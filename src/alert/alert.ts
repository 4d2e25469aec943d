import {
  fingerprint,
  sortedNames,
  isLabelText,
  labelSetOf,
  TextHash,
  type Labelled,
  type LabelSet,
  type LabelText,
} from './labels.ts';
import { compareByBytes } from '../text/go/utf8.ts';

/** Labels and the key that identifies them. */
export interface IdentifiedLabels extends Labelled {
  /** See {@link labelKey}. '' if they are invalid. */
  readonly key: string;
  /** The key's {@link TextHash}, if it is known. */
  readonly keyHash?: number;
}

/** One alert of a POST body that satisfies the schema, as the sender wrote it but without its empty label values. */
export interface PostableAlert extends IdentifiedLabels {
  readonly annotations: LabelText;
  /** Milliseconds since the epoch; undefined if absent. */
  readonly startsAt: number | undefined;
  readonly endsAt: number | undefined;
  /** '' if absent. */
  readonly generatorURL: string;
  /** The alert that was stored under this key when this one was read. It may have been forgotten since. */
  readonly known?: IdentifiedLabels | undefined;
  /**
   * The reason why the alert can never be stored, whatever the time is; undefined if it can. It does not affect the rest of the
   * batch.
   */
  readonly invalid: string | undefined;
}

/** The texts of an alert besides its labels. */
export interface AlertTexts {
  readonly annotations: LabelText;
  /** '' if absent. */
  readonly generatorURL: string;
}

/** A stored alert: its labels never change; its texts and times are those of the last reception. */
export class Alert implements Labelled, AlertTexts {
  readonly key: string;
  /** Undefined for usual labels: their text is the key, so only the key is kept. */
  readonly #labels: LabelSet | undefined;
  /** From the last reception; the store writes them. */
  annotations: LabelText;
  generatorURL: string;
  times: AlertTimes;
  /** The value of the label of that name, without reading the labels. */
  alertname: string | undefined;
  /** The last announced state; it lags behind `isResolved` until the expiry is processed. */
  announced: 'firing' | 'resolved';
  /** The key's {@link TextHash}. */
  readonly keyHash: number;
  /** Estimated memory, bytes. */
  sizeBytes = 0;
  /** Its place in the store's deadline heap. Only the heap uses it. */
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

  /** Parsed anew each time; keep the result if you need it often. */
  get labels(): LabelSet {
    return this.#labels ?? labelSetOf(this.key);
  }

  /** The labels if they are kept beside the key. */
  get keptLabels(): LabelSet | undefined {
    return this.#labels;
  }

  /** Alertmanager's fingerprint of the labels, 16 hexadecimal digits. */
  get fingerprint(): string {
    return (this.#fingerprint ??= fingerprint(this.labels));
  }
}

/** In a text without a backslash, a quote and a colon can only follow a name. */
function alertnameIn(labels: LabelText): string | undefined {
  if (typeof labels !== 'string') return Object.hasOwn(labels, 'alertname') ? labels['alertname'] : undefined;
  const opening = '"alertname":"';
  const from = labels.indexOf(opening) + opening.length;
  return from < opening.length ? undefined : labels.slice(from, labels.indexOf('"', from));
}

/**
 * When an alert began, ends and was last received; milliseconds since the epoch. Alerts share these objects: never write to them.
 */
export interface AlertTimes {
  readonly startsAt: number;
  readonly endsAt: number;
  /** When the alert was last received. */
  readonly updatedAt: number;
  /** True if the sender gave no end: then `endsAt` is only the time at which the alert stops counting as firing. */
  readonly timeout: boolean;
}

/** An alert whose end is `now` has ended, as everywhere in Alertmanager. */
export function isResolved({ endsAt }: AlertTimes, now: number): boolean {
  return endsAt <= now;
}

/**
 * Alertmanager's default times (its postAlertsHandler): without a start, the start is now, or the end if that is given; without
 * an end, the end is `now + resolveTimeoutMs`.
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
 * The times to store when `received` arrives for an alert that is stored with `stored`. If the two overlap they are merged;
 * otherwise the result is `received` (a new episode, or the usual re-send with the same start and a later end). The texts follow
 * `updatedAt`: those of the younger one are kept. Source of the rules: Alertmanager 0.34, provider/mem and alert.Merge.
 */
export function mergeTimes(stored: AlertTimes, received: AlertTimes, now: number): AlertTimes {
  if (!overlaps(stored, received)) return received;
  return stored.updatedAt > received.updatedAt ? merge(received, stored, now) : merge(stored, received, now);
}

/** True if the received alert ends or starts within the stored one; strict on both sides, and not symmetric. */
function overlaps(stored: AlertTimes, received: AlertTimes): boolean {
  const endsWithin = received.endsAt > stored.startsAt && received.endsAt < stored.endsAt;
  const startsWithin = received.startsAt > stored.startsAt && received.startsAt < stored.endsAt;
  return endsWithin || startsWithin;
}

function merge(older: AlertTimes, younger: AlertTimes, now: number): AlertTimes {
  return { ...younger, startsAt: Math.min(older.startsAt, younger.startsAt), endsAt: mergedEnd(older, younger, now) };
}

function mergedEnd(older: AlertTimes, younger: AlertTimes, now: number): number {
  // Of two explicit resolves, the later one counts.
  if (isResolved(younger, now)) return isResolved(older, now) ? Math.max(older.endsAt, younger.endsAt) : younger.endsAt;
  // While the alert fires, a promised end is not shortened; an end that was only our timeout is.
  return older.endsAt > younger.endsAt && !older.timeout ? older.endsAt : younger.endsAt;
}

/**
 * Alertmanager's order of label sets (LabelSet.Before of github.com/prometheus/common). The set with fewer labels comes first.
 * Otherwise the names decide: at the first name that only one set has, the other set comes first. Otherwise the values decide: at
 * the first difference, the smaller value comes first.
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

/** The order of the alerts in a group: by `job`, then by `instance`, alerts without that label last, then by label set. */
export function compareInGroup(a: LabelSet, b: LabelSet): number {
  return compareLabel('job', a, b) || compareLabel('instance', a, b) || compareLabelSets(a, b);
}

function compareLabel(name: string, a: LabelSet, b: LabelSet): number {
  const valueA = a[name];
  const valueB = b[name];
  if (valueA === undefined || valueB === undefined) return Number(valueA === undefined) - Number(valueB === undefined);
  return compareByBytes(valueA, valueB);
}

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
