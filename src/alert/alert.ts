import { isResolved, type AlertTimes } from './alert-times.ts';
import { fingerprint } from './fingerprint.ts';
import { isLabelText, labelSetOf, type Labelled, type LabelSet, type LabelText } from './label-set.ts';
import type { IdentifiedLabels } from './postable/postable-alert.ts';
import { TextHash } from './text-hash.ts';

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
