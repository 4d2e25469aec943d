import type { Labelled, LabelSet } from '../alert/labels.ts';

/** `silence expired`: it fires, and the last silence that kept it from waking anybody has ended. */
export type CauseStatus = 'firing' | 'resolved' | 'expired' | 'silence expired';

/** One alert that a request exists for. */
export class Cause implements Labelled {
  /** Tells the alert from others. */
  readonly key: string;
  readonly #alert: Labelled;
  #labels: LabelSet | undefined;
  /** As it was received last. */
  readonly status: CauseStatus;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** How often it was received. */
  readonly count: number;

  constructor(key: string, alert: Labelled, status: CauseStatus, firstSeen: number, lastSeen = firstSeen, count = 1) {
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

  /** This one, when the same alert was a cause before. */
  after({ firstSeen, count }: Cause): Cause {
    return new Cause(this.key, this.#alert, this.status, firstSeen, this.lastSeen, count + this.count);
  }
}
