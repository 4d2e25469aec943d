import type { LabelSet } from '../alert/labels.ts';
import type { Cause, CauseStatus } from './cause.ts';

/** All fields of a cause, for comparison. */
export interface CauseFields {
  readonly labels: LabelSet;
  readonly status: CauseStatus;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly count: number;
}

export function causeFields({ labels, status, firstSeen, lastSeen, count }: Cause): CauseFields {
  return { labels, status, firstSeen, lastSeen, count };
}
