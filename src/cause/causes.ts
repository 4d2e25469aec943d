import { Cause, type CauseStatus, type CausingAlert } from './cause.ts';
import { timeWriter, type LogFields } from '../runtime/logger.ts';
import { formatDateTime } from '../text/go/date-time.ts';

/** The most alerts, and the most request ids, that causes name; all further ones are only counted. */
export const maxNamedCauses = 100;

/**
 * The number of kept alerts at which all but the {@link maxNamedCauses} most recent are dropped. Doing that is expensive, so it
 * is done rarely.
 */
const maxKeptCauses = 10 * maxNamedCauses;

/**
 * What caused a reconcile: an alert that arrived or ended; the start; the periodic resync; an unhealthy pipeline that is checked
 * again; a new or edited pipeline; alerts that a sender cut off; a new configuration; a silence that ended; other alerting rules in
 * Prometheus; another replica that led before, or one that came or went; a person; a trigger that was added, changed or deleted; an inhibition or a suspension that ended.
 */
export type Trigger = (typeof causeTriggers)[number];

export const causeTriggers = [
  'alert',
  'start',
  'resync',
  'requeue',
  'pipeline',
  'truncated',
  'reload',
  'silence',
  'rules',
  'takeover',
  'peers',
  'manual',
  'trigger',
  'inhibition',
  'suspension',
] as const;

/**
 * The way of an alert to its reconciles. What is in the lane `platform` goes first at every stage, and waits for nothing that alerts
 * of users have caused.
 */
export type Lane = 'platform' | 'user';

/**
 * Why a request exists. Bounded: the {@link maxNamedCauses} most recent alerts and request ids are named, and the rest are
 * counted. Only the creator may add to it; once it is handed on it is read-only, and {@link union} makes a new one.
 */
export class Causes {
  #lane: Lane;
  readonly triggers = new Set<Trigger>();
  readonly requestIds = new Set<string>();
  /**
   * One iterator for good: the ids that it gives are deleted, so a new one would have to step over all the gaps to the same
   * place.
   */
  readonly #oldestRequestIds = this.requestIds.keys();
  /** In the order of arrival; an alert may occur several times. */
  #kept: Cause[] = [];
  /** The result of {@link alerts}; undefined if it has to be computed again. */
  #named: ReadonlyMap<string, Cause> | undefined;
  /** The result of {@link texts}; undefined if it has to be computed again. */
  #texts: readonly string[] | undefined;
  #incomplete = false;
  /** The number of alerts, repeats included. */
  alertCount = 0;
  omittedRequestIds = 0;
  /** The number of alerts that senders announced without sending them (`max_alerts` of Alertmanager's webhook). */
  truncatedAlerts = 0;
  /** The time at which the first alert was received, milliseconds. Other triggers do not count: nobody waits for them. */
  firstSeen = Number.POSITIVE_INFINITY;
  /** The time of the newest trigger, milliseconds. No older snapshot may answer the request. */
  lastSeen = Number.NEGATIVE_INFINITY;

  constructor(lane: Lane = 'user') {
    this.#lane = lane;
  }

  /** `platform` if one of the alerts is the platform's. */
  get lane(): Lane {
    return this.#lane;
  }

  static of(trigger: Trigger, at: number): Causes {
    const causes = new Causes();
    causes.triggers.add(trigger);
    causes.lastSeen = at;
    return causes;
  }

  /** Causes with these alerts, and the counts and times of others. @param incomplete true if more alerts are counted than named */
  static from(alerts: Iterable<Cause>, counts: CauseCounts, incomplete: boolean): Causes {
    const causes = new Causes(counts.lane);
    for (const trigger of counts.triggers) causes.triggers.add(trigger);
    for (const id of counts.requestIds) causes.requestIds.add(id);
    causes.#kept = [...alerts];
    causes.#incomplete = incomplete;
    causes.alertCount = counts.alertCount;
    causes.omittedRequestIds = counts.omittedRequestIds;
    causes.truncatedAlerts = counts.truncatedAlerts;
    causes.#seen(counts.firstSeen, counts.lastSeen);
    return causes;
  }

  /** The two together; the arguments do not change. */
  static union(a: Causes, b: Causes): Causes {
    if (a === b) return a;
    const union = new Causes();
    union.absorb(a);
    union.absorb(b);
    union.#forgetOld();
    return union;
  }

  /** The named alerts by key, the most recent one last. */
  get alerts(): ReadonlyMap<string, Cause> {
    return this.#forgetOld();
  }

  /** True if some counted alerts are no longer named, so that they may concern any pipeline. */
  get incomplete(): boolean {
    this.#forgetOld();
    return this.#incomplete;
  }

  /** See {@link causeTexts}. All runs of an event log the same. */
  get texts(): readonly string[] {
    return (this.#texts ??= causeTexts(this));
  }

  addAlert(key: string, alert: CausingAlert, status: CauseStatus, at: number): void {
    const trigger = triggerOf[status] ?? 'alert';
    this.triggers.add(trigger);
    this.alertCount++;
    this.#seen(trigger === 'alert' ? at : Number.POSITIVE_INFINITY, at);
    this.#keep(new Cause(key, alert, status, at));
  }

  /** Adds an alert as it is in other causes. */
  addCause(cause: Cause): void {
    const trigger = triggerOf[cause.status] ?? 'alert';
    this.triggers.add(trigger);
    this.alertCount += cause.count;
    this.#seen(trigger === 'alert' ? cause.firstSeen : Number.POSITIVE_INFINITY, cause.lastSeen);
    this.#keep(cause);
  }

  /** Adds alerts of which only the number is known; they may concern every pipeline. */
  addTruncated(count: number, at: number): void {
    this.triggers.add('truncated');
    this.#texts = undefined;
    this.truncatedAlerts += count;
    this.#incomplete = true;
    this.#seen(at, at);
  }

  addRequestId(id: string): void {
    // Deleted first, so that an id that is added again counts as recent.
    this.requestIds.delete(id);
    this.requestIds.add(id);
    if (this.requestIds.size <= maxNamedCauses) return;
    this.requestIds.delete(this.#oldestRequestIds.next().value!);
    this.omittedRequestIds++;
  }

  /** Adds everything in `other`, which is the more recent of the two. */
  absorb(other: Causes): void {
    for (const trigger of other.triggers) this.triggers.add(trigger);
    if (other.lane === 'platform') this.#lane = 'platform';
    this.#texts = undefined;
    for (const cause of other.#kept) this.#keep(cause);
    for (const id of other.requestIds) this.addRequestId(id);
    this.alertCount += other.alertCount;
    this.omittedRequestIds += other.omittedRequestIds;
    this.truncatedAlerts += other.truncatedAlerts;
    this.#incomplete ||= other.#incomplete;
    this.#seen(other.firstSeen, other.lastSeen);
  }

  #keep(cause: Cause): void {
    this.#named = undefined;
    this.#texts = undefined;
    if (this.#kept.push(cause) > maxKeptCauses) this.#forgetOld();
  }

  /** Keeps the most recent alerts, each once, in the order of their last arrival. The others have been counted already. */
  #forgetOld(): ReadonlyMap<string, Cause> {
    if (this.#named !== undefined) return this.#named;
    const recent = new Map<string, Cause>();
    for (const cause of this.#kept.toReversed()) {
      const later = recent.get(cause.key);
      if (later === undefined && recent.size === maxNamedCauses) {
        this.#incomplete = true;
        break;
      }
      recent.set(cause.key, later?.after(cause) ?? cause);
    }
    const named = [...recent].toReversed();
    this.#kept = named.map(([, cause]) => cause);
    return (this.#named = new Map(named));
  }

  #seen(firstAt: number, lastAt: number): void {
    this.firstSeen = Math.min(this.firstSeen, firstAt);
    this.lastSeen = Math.max(this.lastSeen, lastAt);
  }
}

/** What {@link Causes} say beside their alerts. */
export interface CauseCounts {
  readonly lane: Lane;
  readonly triggers: Iterable<Trigger>;
  readonly requestIds: Iterable<string>;
  readonly alertCount: number;
  readonly omittedRequestIds: number;
  readonly truncatedAlerts: number;
  /** Milliseconds; Infinity if no alert was received. */
  readonly firstSeen: number;
  /** Milliseconds; -Infinity if there was no trigger. */
  readonly lastSeen: number;
}

/** Of an alert that did not arrive just now. */
const triggerOf: Partial<Record<CauseStatus, Trigger>> = {
  'silence expired': 'silence',
  'inhibition ended': 'inhibition',
  'suspension ended': 'suspension',
};

/** Their alerts say it. */
const saidByAlerts: ReadonlySet<Trigger> = new Set(['alert', 'silence', 'inhibition', 'suspension']);

/** The most different causes on one log line; `alerts` gives the number of all alerts. */
const maxListed = 20;

/** The causes as fields of a log line. */
export function describeCauses(causes: Causes): LogFields {
  return describe(causes, maxNamedCauses);
}

/** The same for one of many lines about the same causes: a storm writes thousands, and the line of the event names more requests. */
export function describeBriefly(causes: Causes): LogFields {
  return describe(causes, maxListed);
}

function describe(causes: Causes, maxRequestIds: number): LogFields {
  const { lane, texts, alertCount, truncatedAlerts, requestIds } = causes;
  const ids = [...requestIds].slice(-maxRequestIds);
  const what = { causes: texts, ...(lane === 'platform' && { lane }) };
  if (alertCount + truncatedAlerts === 0) return { ...what, ...(ids.length > 0 && { request_ids: ids }) };
  const more = causes.omittedRequestIds + requestIds.size - ids.length;
  return {
    ...what,
    alerts: alertCount,
    ...(truncatedAlerts > 0 && { truncated_alerts: truncatedAlerts }),
    request_ids: ids,
    ...(more > 0 && { more_request_ids: more }),
  };
}

/** Every alert that the causes name, with all that is known of it: the content of the log line `causes.named`. */
export function namedCauses(causes: Causes): LogFields {
  const named = [...causes.alerts.values()];
  const timeOf = timeWriter();
  const more = causes.alertCount + causes.truncatedAlerts - named.reduce((sum, { count }) => sum + count, 0);
  return {
    alerts: named.map(({ fingerprint, labels, status, changedAt, firstSeen, lastSeen, count }) => ({
      fingerprint,
      alertname: labels['alertname'] ?? '(no alertname)',
      labels,
      status,
      ...(changedAt !== undefined && { changed_at: formatDateTime(changedAt) }),
      first_seen: timeOf(firstSeen),
      last_seen: timeOf(lastSeen),
      count,
    })),
    ...(more > 0 && { more_alerts: more }),
  };
}

/** One text for each cause, the newest alert first, other triggers last: `InstanceDown firing`, `resync`. */
function causeTexts(causes: Causes): readonly string[] {
  const counts = new Map<string, number>();
  for (const { labels, status } of [...causes.alerts.values()].toReversed()) {
    const text = `${labels['alertname'] ?? '(no alertname)'} ${status}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const alerts = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  const others = [...causes.triggers].filter((trigger) => !saidByAlerts.has(trigger));
  return [...alerts.slice(0, maxListed - others.length), ...others];
}

/** The longest line in a text for others, characters. */
const maxLineLength = 256;

/**
 * `InstanceDown firing, DiskFull resolved ×2`: the newest alert first, on one line for others to read. It has only names and
 * statuses: a person who may read an object or its events need not be allowed to read the labels of an alert.
 */
export function causeText(causes: Causes): string {
  return oneLine(causes.texts.join(', '));
}

/** Puts a text from outside on one line of at most {@link maxLineLength} characters. */
export function oneLine(text: string): string {
  const line = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= maxLineLength) return line;
  // Do not cut a surrogate pair in two.
  return `${line.slice(0, maxLineLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
