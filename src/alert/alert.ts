import { fingerprint } from './fingerprint.ts';
import { isLabelText, labelSetOf, type Labelled, type LabelSet, type LabelText } from './label-set.ts';
import type { IdentifiedLabels, PostableAlert } from './postable-alert.ts';

/** What changes each time an alert is sent again. Times are milliseconds since the epoch. */
export interface AlertState {
  readonly annotations: LabelText;
  readonly generatorURL: string;
  readonly startsAt: number;
  readonly endsAt: number;
  /** When the alert was received last. */
  readonly updatedAt: number;
  /** True if the sender gave no end, so that `endsAt` is only when we stop believing in it. */
  readonly timeout: boolean;
}

/** A stored alert: its labels for good, and its state as of the last time it was received. */
export class Alert implements Labelled {
  readonly key: string;
  /** Of usual labels the key is kept alone, which is their text. */
  readonly #labels: LabelSet | undefined;
  readonly #state: { -readonly [Field in keyof AlertState]: AlertState[Field] };
  /** What its last change was announced as; it lags behind `isResolved` until the expiry is processed. */
  announced: 'firing' | 'resolved';
  /** See {@link PostableAlert.textHash}; the store's business alone. */
  textHash: number | undefined;
  /** What it takes in memory, estimated, bytes. */
  sizeBytes = 0;
  /** Where it stands in the store's deadline heap, and for when; the heap's business alone. */
  heapIndex = -1;
  deadline = 0;
  #fingerprint: string | undefined;

  constructor(posted: IdentifiedLabels, state: AlertState) {
    this.key = posted.key;
    this.#labels = isLabelText(posted.key) ? undefined : posted.labels;
    // A copy, so that what lives long is made in a place of its own: V8 would put those of re-sends among the old ones, too.
    this.#state = { ...state };
    this.announced = isResolved(state, state.updatedAt) ? 'resolved' : 'firing';
  }

  /** Made anew each time: who needs them often keeps them. */
  get labels(): LabelSet {
    return this.#labels ?? labelSetOf(this.key);
  }

  /** The label of that name, at a fraction of the cost. */
  get alertname(): string | undefined {
    if (this.#labels === undefined) return alertnameIn(this.key);
    return Object.hasOwn(this.#labels, 'alertname') ? this.#labels['alertname'] : undefined;
  }

  /** What is kept of the labels beside the key. */
  get keptLabels(): LabelSet | undefined {
    return this.#labels;
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

/** In a key without a backslash a quote and a colon can follow nothing but a name. */
function alertnameIn(key: string): string | undefined {
  const opening = '"alertname":"';
  const from = key.indexOf(opening) + opening.length;
  return from < opening.length ? undefined : key.slice(from, key.indexOf('"', from));
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
