import type { Labelled, LabelSet } from '../alert/labels.ts';
import type { LogFields } from '../runtime/logger.ts';

/** Most alerts, and most request ids, that causes name; past that they only count. */
export const maxNamedCauses = 100;

/** So many alerts are kept until they are gone through for the {@link maxNamedCauses} most recent: that is dear, and rarely needed. */
const maxKeptCauses = 10 * maxNamedCauses;

/** What made us look: an alert that came or ended; the start; the periodic look; one that is unhealthy; a new or edited pipeline; alerts that a sender cut off; a new configuration; a silence that ended; a person. */
export type Trigger =
  'alert' | 'start' | 'resync' | 'requeue' | 'pipeline' | 'truncated' | 'reload' | 'silence' | 'manual';

/**
 * Why a request exists. Bounded: the {@link maxNamedCauses} most recent alerts and request ids are named, the rest counted.
 * Whoever made one may add to it; once it is handed on, it is only read, and {@link union} makes a new one.
 */
export class Causes {
  readonly triggers = new Set<Trigger>();
  readonly requestIds = new Set<string>();
  /** Goes on where it was: what it gives is taken out, and so a new one would only step over the gaps to the same place. */
  readonly #oldestRequestIds = this.requestIds.keys();
  /** As they came; an alert may be in it several times. */
  #kept: Cause[] = [];
  /** What {@link alerts} gives; undefined if that has to be made anew. */
  #named: ReadonlyMap<string, Cause> | undefined;
  #incomplete = false;
  /** How many alerts there were, repeats included. */
  alertCount = 0;
  omittedRequestIds = 0;
  /** How many alerts senders told of without sending them (`max_alerts` of Alertmanager's webhook). */
  truncatedAlerts = 0;
  /** When the first alert in here was received, milliseconds. Other triggers do not count: nobody waits for them. */
  firstSeen = Number.POSITIVE_INFINITY;
  /** When the newest of what is in here happened, milliseconds; no snapshot older than that may answer it. */
  lastSeen = Number.NEGATIVE_INFINITY;

  static of(trigger: Trigger, at: number): Causes {
    const causes = new Causes();
    causes.triggers.add(trigger);
    causes.lastSeen = at;
    return causes;
  }

  /** Both together; the arguments stay as they are. */
  static union(a: Causes, b: Causes): Causes {
    if (a === b) return a;
    const union = new Causes();
    union.absorb(a);
    union.absorb(b);
    union.#forgetOld();
    return union;
  }

  /** By the alert's key, the most recent one last. */
  get alerts(): ReadonlyMap<string, Cause> {
    return this.#forgetOld();
  }

  /** True if alerts are counted that are no longer named: nobody knows any more whom they concern. */
  get incomplete(): boolean {
    this.#forgetOld();
    return this.#incomplete;
  }

  addAlert(key: string, alert: CausingAlert, status: CauseStatus, at: number): void {
    const received = status !== 'silence expired';
    this.triggers.add(received ? 'alert' : 'silence');
    this.alertCount++;
    this.#seen(received ? at : Number.POSITIVE_INFINITY, at);
    this.#keep(new Cause(key, alert, status, at));
  }

  /** Alerts of which nothing is known but their number: they may concern every pipeline. */
  addTruncated(count: number, at: number): void {
    this.triggers.add('truncated');
    this.truncatedAlerts += count;
    this.#incomplete = true;
    this.#seen(at, at);
  }

  addRequestId(id: string): void {
    // Deleted first, so that an id that comes again counts as recent.
    this.requestIds.delete(id);
    this.requestIds.add(id);
    if (this.requestIds.size <= maxNamedCauses) return;
    this.requestIds.delete(this.#oldestRequestIds.next().value!);
    this.omittedRequestIds++;
  }

  /** Takes over all that `other` holds, as the more recent of the two. */
  absorb(other: Causes): void {
    for (const trigger of other.triggers) this.triggers.add(trigger);
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
    if (this.#kept.push(cause) > maxKeptCauses) this.#forgetOld();
  }

  /** Leaves the most recent alerts, each once, in the order in which they came last. Those before them are counted already. */
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

/** `silence expired`: it fires, and the last silence that kept it from waking anybody has ended. */
export type CauseStatus = 'firing' | 'resolved' | 'expired' | 'silence expired';

/** An alert as a cause knows it. */
export interface CausingAlert extends Labelled {
  /** Alertmanager's; undefined if labels were left out. */
  readonly fingerprint?: string;
}

/** One alert that a request exists for. */
export class Cause implements Labelled {
  /** Tells the alert from others. */
  readonly key: string;
  readonly #alert: CausingAlert;
  #labels: LabelSet | undefined;
  /** As it was received last. */
  readonly status: CauseStatus;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** How often it was received. */
  readonly count: number;

  constructor(
    key: string,
    alert: CausingAlert,
    status: CauseStatus,
    firstSeen: number,
    lastSeen = firstSeen,
    count = 1,
  ) {
    this.key = key;
    this.#alert = alert;
    this.status = status;
    this.firstSeen = firstSeen;
    this.lastSeen = lastSeen;
    this.count = count;
  }

  /** Read from the alert when they are first asked for: in a storm most causes are replaced by newer ones before anybody does. */
  get labels(): LabelSet {
    return (this.#labels ??= this.#alert.labels);
  }

  get fingerprint(): string | undefined {
    return this.#alert.fingerprint;
  }

  /** This one, when the same alert was a cause before. */
  after({ firstSeen, count }: Cause): Cause {
    return new Cause(this.key, this.#alert, this.status, firstSeen, this.lastSeen, count + this.count);
  }
}

/** Most different causes on one line of the log; `alerts` says how many alerts there are in all. */
const maxListed = 20;

/** Causes as fields of a log line. */
export function describeCauses(causes: Causes): LogFields {
  if (causes.alertCount + causes.truncatedAlerts === 0)
    return {
      causes: causeTexts(causes),
      ...(causes.requestIds.size > 0 && { request_ids: [...causes.requestIds] }),
    };
  return {
    causes: causeTexts(causes),
    alerts: causes.alertCount,
    ...(causes.truncatedAlerts > 0 && { truncated_alerts: causes.truncatedAlerts }),
    request_ids: [...causes.requestIds],
    ...(causes.omittedRequestIds > 0 && { more_request_ids: causes.omittedRequestIds }),
  };
}

/** Every alert that the causes name, with all that is known of it: what the line of `causes.named` says. */
export function namedCauses(causes: Causes): LogFields {
  const named = [...causes.alerts.values()];
  const more = causes.alertCount + causes.truncatedAlerts - named.reduce((sum, { count }) => sum + count, 0);
  return {
    alerts: named.map(({ fingerprint, labels, status, firstSeen, lastSeen, count }) => ({
      fingerprint,
      alertname: labels['alertname'] ?? '(no alertname)',
      labels,
      status,
      first_seen: new Date(firstSeen).toISOString(),
      last_seen: new Date(lastSeen).toISOString(),
      count,
    })),
    ...(more > 0 && { more_alerts: more }),
  };
}

/** One text for each cause, the newest alert first, what is no alert last: `InstanceDown firing`, `resync`. */
export function causeTexts(causes: Causes): string[] {
  const counts = new Map<string, number>();
  for (const { labels, status } of [...causes.alerts.values()].toReversed()) {
    const text = `${labels['alertname'] ?? '(no alertname)'} ${status}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const alerts = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  const others = [...causes.triggers].filter((trigger) => trigger !== 'alert' && trigger !== 'silence');
  return [...alerts.slice(0, maxListed - others.length), ...others];
}

/** The longest line for others to read, characters. */
const maxLineLength = 256;

/**
 * `InstanceDown firing, DiskFull resolved ×2`, the newest alert first, in one line for others to read. Names and statuses
 * alone: whoever may read an object or its events need not be allowed to read what else an alert's labels say.
 */
export function causeText(causes: Causes): string {
  return oneLine(causeTexts(causes).join(', '));
}

/** A text that others made, on one line of at most {@link maxLineLength} characters. */
export function oneLine(text: string): string {
  const line = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= maxLineLength) return line;
  // A pair of surrogates must not be cut in two.
  return `${line.slice(0, maxLineLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
