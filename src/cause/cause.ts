import type { AlertTimes } from '../alert/alert.ts';
import { labelSetOf, type Labelled, type LabelSet, type LabelText } from '../alert/labels.ts';

/**
 * The last three: the alert fires, and what kept it from causing a reconcile has ended: its last silence, the alert that inhibited
 * it, or the suspension of the trigger.
 */
export type CauseStatus = (typeof causeStatuses)[number];

export const causeStatuses = [
  'firing',
  'resolved',
  'expired',
  'silence expired',
  'inhibition ended',
  'suspension ended',
] as const;

/** An alert as part of a cause. */
export interface CausingAlert extends Labelled {
  /** Alertmanager's fingerprint; undefined if labels were left out. */
  readonly fingerprint?: string | undefined;
  /** Default: none. */
  readonly annotations?: LabelText | undefined;
  /** As the sender says; undefined if nobody sent the alert. */
  readonly times?: Pick<AlertTimes, 'startsAt' | 'endsAt'>;
}

/** One alert that caused a request. */
export class Cause implements Labelled {
  /** Identifies the alert. */
  readonly key: string;
  readonly #alert: CausingAlert;
  #labels: LabelSet | undefined;
  /** The status when it was last received. */
  readonly status: CauseStatus;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** How often the alert was received. */
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

  /** Read from the alert on first use: in a storm, newer causes replace most causes before anybody reads them. */
  get labels(): LabelSet {
    return (this.#labels ??= this.#alert.labels);
  }

  /** They are those of the last reception. */
  get annotations(): LabelSet {
    return labelSetOf(this.#alert.annotations ?? {});
  }

  get fingerprint(): string | undefined {
    return this.#alert.fingerprint;
  }

  get alert(): CausingAlert {
    return this.#alert;
  }

  /** When the alert began, or ended if it has ended, milliseconds; undefined if nobody knows. */
  get changedAt(): number | undefined {
    const hasEnded = this.status === 'resolved' || this.status === 'expired';
    return hasEnded ? this.#alert.times?.endsAt : this.#alert.times?.startsAt;
  }

  /** This cause, continued from an earlier cause with the same alert. */
  after({ firstSeen, count }: Cause): Cause {
    return new Cause(this.key, this.#alert, this.status, firstSeen, this.lastSeen, count + this.count);
  }
}
