import type { Labelled } from '../alert/labels.ts';
import { Cause, type CauseStatus } from './cause.ts';

/** Most alerts, and most request ids, that causes name; past that they only count. */
export const maxNamedCauses = 100;

/** So many alerts are kept until they are gone through for the {@link maxNamedCauses} most recent: that is dear, and rarely needed. */
const maxKeptCauses = 10 * maxNamedCauses;

/** What made us look: an alert that came or ended; the start; the periodic look; one that is unhealthy; a new or edited pipeline; alerts that a sender cut off; a new configuration; a silence that ended. */
export type Trigger = 'alert' | 'start' | 'resync' | 'requeue' | 'pipeline' | 'truncated' | 'reload' | 'silence';

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

  addAlert(key: string, alert: Labelled, status: CauseStatus, at: number): void {
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
