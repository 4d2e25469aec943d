import assert from 'node:assert/strict';
import {
  Alert,
  isResolved,
  receivedTimes,
  mergeTimes,
  alertSize,
  type AlertTexts,
  type AlertTimes,
  type PostableAlert,
} from './alert.ts';
import type { AlertChange, AlertStore, AlertLimits } from './alert-store.ts';
import { labelKey, type LabelSet } from './labels.ts';
import type { AlertFields } from './postable/postable-alert.ts';

const retentionMs = 30 * 60_000;

/** An alert as a sender posts it; a field that is not given is absent. */
export function posted(fields: Partial<AlertFields>): PostableAlert {
  const { labels = { alertname: 'A' }, annotations = {}, startsAt, endsAt, generatorURL = '' } = fields;
  return { key: labelKey(labels), labels, annotations, startsAt, endsAt, generatorURL, invalid: undefined };
}

/** Everything that is stored of an alert except its labels. */
export type AlertState = AlertTexts & AlertTimes;

/** The expected result of a put. */
export interface ExpectedPut {
  readonly key: string;
  readonly state: AlertState;
  readonly change: AlertChange;
  readonly limited: 'alert' | 'annotations' | undefined;
}

interface Stored {
  readonly labels: LabelSet;
  state: AlertState;
  announced: 'firing' | 'resolved';
  sizeBytes: number;
}

/** Does what the store does, at any cost: it answers every question by going through all alerts. */
export class NaiveStore {
  readonly alerts = new Map<string, Stored>();
  readonly #options: AlertLimits;

  constructor(options: AlertLimits) {
    this.#options = options;
  }

  get firing(): number {
    return [...this.alerts.values()].filter(({ announced }) => announced === 'firing').length;
  }

  get sizeBytes(): number {
    return [...this.alerts.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** The time at which the next alert ends or is forgotten. */
  get nextDeadline(): number | undefined {
    const times = [...this.alerts.values()].map(({ announced, state }) =>
      announced === 'firing' ? state.endsAt : state.endsAt + retentionMs,
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  firingAt(now: number): LabelSet[] {
    return [...this.alerts.values()].filter(({ state }) => !isResolved(state, now)).map(({ labels }) => labels);
  }

  /** @param forgotten the keys of the resolved alerts that were forgotten to make room */
  put(
    post: PostableAlert,
    now: number,
    characterBytes: 1 | 2,
    forgotten: readonly string[] = [],
  ): ExpectedPut | string {
    const received = { ...textsOf(post), ...receivedTimes(post, now, this.#options.resolveTimeoutMs) };
    if (received.startsAt > received.endsAt) return 'start time must be before end time';
    const stored = this.alerts.get(post.key);
    return stored === undefined
      ? this.#add(post, received, now, characterBytes, forgotten)
      : this.#update(post, stored, received, now, characterBytes);
  }

  /** Returns the keys of the alerts that ended. */
  expire(now: number): string[] {
    const ended: string[] = [];
    for (const [key, alert] of this.alerts) {
      if (!isResolved(alert.state, now)) continue;
      if (alert.announced === 'firing') ended.push(key);
      alert.announced = 'resolved';
      if (alert.state.endsAt + retentionMs <= now) this.alerts.delete(key);
    }
    return ended;
  }

  #add(
    post: PostableAlert,
    state: AlertState,
    now: number,
    characterBytes: 1 | 2,
    forgotten: readonly string[],
  ): ExpectedPut {
    const sizeBytes = size(post, state, characterBytes);
    const isFiring = !isResolved(state, now);
    const told = { key: post.key, state, change: isFiring ? 'new' : 'resolved' } as const;
    if (forgotten.length > 0) assert.ok(isFiring && !this.#hasRoom(sizeBytes), 'no room was needed');
    for (const key of forgotten) {
      assert.equal(this.alerts.get(key)?.announced, 'resolved');
      this.alerts.delete(key);
    }
    const isAnyResolved = this.firing < this.alerts.size;
    if (!this.#hasRoom(sizeBytes)) {
      assert.ok(!isFiring || !isAnyResolved || sizeBytes > this.#options.maxBytes, 'room could have been made');
      return { ...told, limited: 'alert' };
    }
    const announced = isFiring ? 'firing' : 'resolved';
    this.alerts.set(post.key, { labels: post.labels, state, announced, sizeBytes });
    return { ...told, limited: undefined };
  }

  #hasRoom(sizeBytes: number): boolean {
    return this.alerts.size < this.#options.maxAlerts && this.sizeBytes + sizeBytes <= this.#options.maxBytes;
  }

  #update(post: PostableAlert, stored: Stored, received: AlertState, now: number, characterBytes: 1 | 2): ExpectedPut {
    const before = stored.state;
    const times = mergeTimes(before, received, now);
    const texts = textsOf(times.updatedAt === received.updatedAt ? received : before);
    const merged = { ...times, ...texts };
    const edited = JSON.stringify(merged.annotations) !== JSON.stringify(before.annotations);
    const resized = edited || merged.generatorURL !== before.generatorURL;
    const sizeBytes = resized ? size(post, merged, characterBytes) : stored.sizeBytes;
    const grown = sizeBytes - stored.sizeBytes;
    const fits = grown <= 0 || this.sizeBytes + grown <= this.#options.maxBytes;
    stored.state = fits ? merged : { ...merged, ...textsOf(before) };
    if (fits) stored.sizeBytes = sizeBytes;
    const status = isResolved(stored.state, now) ? 'resolved' : 'firing';
    const hasTurned = status !== stored.announced;
    stored.announced = status;
    const turned = status === 'firing' ? 'new' : 'resolved';
    const change = hasTurned ? turned : edited ? 'changed' : 'repeated';
    return { key: post.key, state: stored.state, change, limited: fits ? undefined : 'annotations' };
  }
}

function size({ key, labels }: PostableAlert, state: AlertState, characterBytes: 1 | 2): number {
  return alertSize(new Alert({ key, labels, ...textsOf(state) }, state), characterBytes);
}

function textsOf({ annotations, generatorURL }: AlertTexts): AlertTexts {
  return { annotations, generatorURL };
}

/** All alerts that fire at a time. */
export function firingAt(store: AlertStore, now: number): readonly Alert[] {
  return [...store.all()].filter(({ times }) => !isResolved(times, now));
}

/** Everything that the store holds of an alert and that can change. */
export function stateOf(alert: Alert): AlertState {
  return { ...textsOf(alert), ...alert.times };
}

/** Counts every read of the alert's place in the heap, and every move to another place. */
export function countLooks(alert: Alert, counted: { looks: number }): Alert {
  let { heapIndex } = alert;
  return Object.defineProperty(alert, 'heapIndex', {
    get: () => (counted.looks++, heapIndex),
    set: (value: number) => {
      counted.looks++;
      heapIndex = value;
    },
  });
}
