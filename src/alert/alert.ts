import { fingerprint } from './fingerprint.ts';
import type { LabelSet } from './label-set.ts';
import type { PostableAlert } from './postable-alert.ts';

/** What changes each time an alert is sent again. Times are milliseconds since the epoch. */
export interface AlertState {
  readonly annotations: LabelSet;
  readonly generatorURL: string;
  readonly startsAt: number;
  readonly endsAt: number;
  /** When the alert was received last. */
  readonly updatedAt: number;
  /** True if the sender gave no end, so that `endsAt` is only when we stop believing in it. */
  readonly timeout: boolean;
}

/** A stored alert: its labels for good, and its state as of the last time it was received. */
export class Alert {
  readonly key: string;
  readonly labels: LabelSet;
  readonly #state: { -readonly [Field in keyof AlertState]: AlertState[Field] };
  /** What its last change was announced as; it lags behind `isResolved` until the expiry is processed. */
  announced: 'firing' | 'resolved';
  /** What it takes in memory, estimated, bytes. */
  sizeBytes = 0;
  /** Where it stands in the store's deadline heap, and for when; the heap's business alone. */
  heapIndex = -1;
  deadline = 0;
  #fingerprint: string | undefined;

  constructor(key: string, labels: LabelSet, state: AlertState) {
    this.key = key;
    this.labels = labels;
    this.#state = { ...state };
    this.announced = isResolved(state, state.updatedAt) ? 'resolved' : 'firing';
  }

  /** As of now: {@link renew} writes into it. */
  get state(): AlertState {
    return this.#state;
  }

  /**
   * The alert was received again; annotations and URL are only taken over if `texts` is true. In place: a new object for each
   * re-send would be garbage among what lives long.
   */
  renew({ annotations, generatorURL, startsAt, endsAt, updatedAt, timeout }: AlertState, texts: boolean): void {
    const state = this.#state;
    if (texts) {
      state.annotations = annotations;
      state.generatorURL = generatorURL;
    }
    state.startsAt = startsAt;
    state.endsAt = endsAt;
    state.updatedAt = updatedAt;
    state.timeout = timeout;
  }

  /** Alertmanager's fingerprint of the labels, 16 hexadecimal digits. */
  get fingerprint(): string {
    return (this.#fingerprint ??= fingerprint(this.labels));
  }
}

/** An alert whose end is `now` has ended, as everywhere in Alertmanager. */
export function isResolved(state: AlertState, now: number): boolean {
  return state.endsAt <= now;
}

/**
 * Alertmanager's defaulting of times (its postAlertsHandler): no start means now, or the end if that is given; no end
 * means `now + resolveTimeoutMs`.
 */
export function receivedState(posted: PostableAlert, now: number, resolveTimeoutMs: number): AlertState {
  const { annotations, generatorURL, endsAt } = posted;
  return {
    annotations,
    generatorURL,
    startsAt: posted.startsAt ?? endsAt ?? now,
    endsAt: endsAt ?? now + resolveTimeoutMs,
    updatedAt: now,
    timeout: endsAt === undefined,
  };
}
