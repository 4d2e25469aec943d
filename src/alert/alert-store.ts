import {
  Alert,
  isResolved,
  alertSize,
  SharedTimes,
  type AlertTexts,
  type AlertTimes,
  type PostableAlert,
} from './alert.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { isSameLabelText, TextHash } from './labels.ts';

/** How long a resolved alert is remembered. Prometheus repeats a resolve for 15 minutes; a repeated one must not count as new. */
const resolvedRetentionMs = 30 * 60_000;

export interface AlertLimits {
  /**
   * `receiver.max_alerts`: the most alerts that are stored. Remembered resolved alerts count too, but make room for firing ones.
   */
  readonly maxAlerts: number;
  /** `receiver.max_alerts_size`: the most bytes that all alerts together may take, estimated. */
  readonly maxBytes: number;
  /** `receiver.resolve_timeout`, milliseconds. */
  readonly resolveTimeoutMs: number;
}

/**
 * What a received alert changed. `new`: it fires and did not before. `resolved`: it has ended, after it fired or as an alert
 * never seen before. `changed`: it goes on, with other annotations. `repeated`: nothing is new.
 */
export type AlertChange = 'new' | 'resolved' | 'changed' | 'repeated';

export interface PutResult {
  readonly alert: Alert;
  readonly change: AlertChange;
  /**
   * The bound that was reached. `alert`: the alert was not stored, but still has to wake a reconcile. `annotations`: it was
   * stored with its old annotations, because the new ones would have exceeded the size bound.
   */
  readonly limited?: 'alert' | 'annotations';
}

/** The received alerts, by identity: Alertmanager's provider/mem, with bounds. */
export class AlertStore {
  readonly #limits: () => AlertLimits;
  readonly #alerts = new AlertIndex();
  readonly #deadlines = new DeadlineHeap();
  readonly #shared = new SharedTimes();
  /** The alerts that were announced as resolved, in that order. */
  readonly #resolved = new Set<Alert>();
  #bytes = 0;
  #limitedAt: number | undefined;

  /** @param limits called each time, because a reload may change them */
  constructor(limits: () => AlertLimits) {
    this.#limits = limits;
  }

  /** The number of remembered alerts, resolved ones included. */
  get size(): number {
    return this.#alerts.size;
  }

  /** The number of alerts announced as firing. */
  get firing(): number {
    return this.#alerts.size - this.#resolved.size;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  /** When an alert was last not stored because there was no room, milliseconds since the epoch. */
  get limitedAt(): number | undefined {
    return this.#limitedAt;
  }

  /** The time at which {@link expire} may have something to do next; undefined if never. */
  get nextDeadline(): number | undefined {
    return this.#deadlines.firstDeadline;
  }

  /**
   * Stores an alert. Returns the error text if it is invalid, or if `startsAt` is after `endsAt` once the defaults are set; if
   * both are true, the latter, as in Alertmanager.
   * @param characterBytes memory for one character of its texts: 1 if the body was ASCII, else 2
   * @param resolveTimeoutMs how long an alert without an end counts as firing, if not as long as the others
   */
  put(
    posted: PostableAlert,
    now: number,
    characterBytes: 1 | 2,
    resolveTimeoutMs = this.#limits().resolveTimeoutMs,
  ): PutResult | string {
    const times = this.#shared.receivedTimes(posted, now, resolveTimeoutMs);
    if (times.startsAt > times.endsAt) return 'start time must be before end time';
    if (posted.invalid !== undefined) return posted.invalid;
    const stored = this.#known(posted) ?? this.find(posted.key, posted.keyHash);
    if (stored === undefined) return this.#add(new Alert(posted, times), characterBytes);
    return this.#update(stored, posted, times, characterBytes);
  }

  /** Checks that the known alert has not been forgotten: then it has a place in the heap, which is faster than a new look-up. */
  #known({ known }: PostableAlert): Alert | undefined {
    return known instanceof Alert && known.heapIndex >= 0 ? known : undefined;
  }

  /** The stored alert of a key, even if it is resolved. */
  find(key: string, keyHash?: number): Alert | undefined {
    return this.#alerts.find(key, keyHash);
  }

  /** The stored alerts whose keys have this hash, even if they are resolved. */
  withHash(keyHash: number): Iterable<Alert> {
    return this.#alerts.withHash(keyHash);
  }

  /**
   * All remembered alerts, as often as it is asked. The caller may pause between them: an alert that is added or forgotten meanwhile may or may not be
   * given.
   */
  all(): Iterable<Alert> {
    return { [Symbol.iterator]: () => this.#alerts.values() };
  }

  /**
   * Processes what is due: returns the alerts that ended because nobody sent them again, and forgets resolved alerts whose time
   * is over. Looks at `limit` alerts at most; call it again while {@link nextDeadline} is not after `now`.
   */
  expire(now: number, limit = 1000): Alert[] {
    const expired: Alert[] = [];
    for (let looked = 0; looked < limit; looked++) {
      const alert = this.#deadlines.first;
      if (alert === undefined || this.nextDeadline! > now) break;
      if (this.#expireOne(alert, now)) expired.push(alert);
    }
    return expired;
  }

  #expireOne(alert: Alert, now: number): boolean {
    const { times } = alert;
    if (!isResolved(times, now)) {
      this.#deadlines.set(alert, times.endsAt);
      return false;
    }
    const expired = alert.announced === 'firing';
    this.#announce(alert, 'resolved');
    if (nextDeadline(alert) <= now) this.#forget(alert);
    else this.#deadlines.set(alert, nextDeadline(alert));
    return expired;
  }

  #add(alert: Alert, characterBytes: 1 | 2): PutResult {
    const change = alert.announced === 'firing' ? 'new' : 'resolved';
    alert.sizeBytes = alertSize(alert, characterBytes);
    if (!this.#hasRoom(alert.sizeBytes) && !(change === 'new' && this.#makeRoom(alert.sizeBytes))) {
      this.#limitedAt = alert.times.updatedAt;
      return { alert, change, limited: 'alert' };
    }
    alert.alertname = this.#shared.name(alert.alertname);
    this.#alerts.add(alert);
    this.#bytes += alert.sizeBytes;
    if (change === 'resolved') this.#resolved.add(alert);
    this.#deadlines.set(alert, nextDeadline(alert));
    return { alert, change };
  }

  /**
   * A resolved alert is remembered only so that its resolve is reported once; it must not keep out a firing alert. Returns false if
   * there is still no room.
   */
  #makeRoom(sizeBytes: number): boolean {
    if (sizeBytes > this.#limits().maxBytes) return false;
    for (const resolved of this.#resolved) {
      this.#forget(resolved);
      if (this.#hasRoom(sizeBytes)) return true;
    }
    return false;
  }

  #hasRoom(sizeBytes: number): boolean {
    const { maxAlerts, maxBytes } = this.#limits();
    return this.#alerts.size < maxAlerts && this.#bytes + sizeBytes <= maxBytes;
  }

  #update(alert: Alert, posted: AlertTexts, received: AlertTimes, characterBytes: 1 | 2): PutResult {
    const times = this.#shared.mergedTimes(alert.times, received);
    alert.times = times;
    // If the clock was set back, the stored alert is the younger one, so its texts stay.
    const texts = times.updatedAt === received.updatedAt ? posted : alert;
    const edited = !isSameLabelText(alert.annotations, texts.annotations);
    const resized = edited || alert.generatorURL !== texts.generatorURL;
    const fitted = !resized || this.#rewrite(alert, texts, characterBytes);
    const change = this.#statusChange(alert, received.updatedAt) ?? (edited ? 'changed' : 'repeated');
    this.#bringForward(alert);
    return fitted ? { alert, change } : { alert, change, limited: 'annotations' };
  }

  /** Replaces the texts unless they are equal. Returns false if they do not fit; then the alert keeps its old ones. */
  #rewrite(alert: Alert, texts: AlertTexts, characterBytes: 1 | 2): boolean {
    const sizeBytes = alertSize(alert, characterBytes, texts);
    const grown = sizeBytes - alert.sizeBytes;
    if (grown > 0 && this.#bytes + grown > this.#limits().maxBytes) return false;
    alert.annotations = texts.annotations;
    alert.generatorURL = texts.generatorURL;
    alert.sizeBytes = sizeBytes;
    this.#bytes += grown;
    return true;
  }

  /** A deadline that has become later stays in place: expire() moves it when it reaches it. */
  #bringForward(alert: Alert): void {
    const deadline = nextDeadline(alert);
    if (deadline < this.#deadlines.deadlineOf(alert)!) this.#deadlines.set(alert, deadline);
  }

  #statusChange(alert: Alert, now: number): 'new' | 'resolved' | undefined {
    const status = isResolved(alert.times, now) ? 'resolved' : 'firing';
    if (status === alert.announced) return undefined;
    this.#announce(alert, status);
    return status === 'firing' ? 'new' : 'resolved';
  }

  #announce(alert: Alert, status: 'firing' | 'resolved'): void {
    if (alert.announced === status) return;
    alert.announced = status;
    if (status === 'resolved') this.#resolved.add(alert);
    else this.#resolved.delete(alert);
  }

  #forget(alert: Alert): void {
    this.#deadlines.delete(alert);
    this.#resolved.delete(alert);
    this.#alerts.delete(alert);
    this.#bytes -= alert.sizeBytes;
  }
}

/** The end of the alert; once its end has been announced, the time to forget it. */
function nextDeadline({ announced, times }: Alert): number {
  return announced === 'firing' ? times.endsAt : times.endsAt + resolvedRetentionMs;
}

/** The only alert with a hash; or all alerts with it, by their keys, which V8 hashes in its own way. */
type Place = Alert | Map<string, Alert>;

/**
 * Stored alerts by their keys, found by the hash of the key: a reader of bodies has that hash before V8 would have computed its
 * own. Of 100,000 alerts one or two share a hash. If a sender chooses labels so that all of them do, the index is no slower than
 * a Map.
 */
export class AlertIndex {
  readonly #places = new Map<number, Place>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash see {@link Alert.keyHash}; for a caller that knows it already */
  find(key: string, hash = TextHash.of(key)): Alert | undefined {
    const place = this.#places.get(hash);
    if (place instanceof Alert) return place.key === key ? place : undefined;
    return place?.get(key);
  }

  /** All alerts with this hash of their keys. */
  withHash(hash: number): Iterable<Alert> {
    const place = this.#places.get(hash);
    return place instanceof Alert ? [place] : (place?.values() ?? []);
  }

  /** Adds an alert whose key is not in the index. */
  add(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place === undefined) this.#places.set(alert.keyHash, alert);
    else if (place instanceof Alert) this.#places.set(alert.keyHash, mapOf(place, alert));
    else place.set(alert.key, alert);
    this.#size++;
  }

  /** Deletes an alert that is in the index. */
  delete(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place instanceof Map) place.delete(alert.key);
    if (!(place instanceof Map) || place.size === 0) this.#places.delete(alert.keyHash);
    this.#size--;
  }

  /** All alerts. The caller may pause between them: an alert that is added or deleted meanwhile may or may not be given. */
  *values(): Generator<Alert, void> {
    for (const place of this.#places.values()) {
      if (place instanceof Alert) yield place;
      else yield* place.values();
    }
  }
}

function mapOf(...alerts: readonly Alert[]): Map<string, Alert> {
  return new Map(alerts.map((alert) => [alert.key, alert]));
}
