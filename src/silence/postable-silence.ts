import type { LabelSet } from '../alert/labels.ts';
import type { MatchType } from '../matcher/matcher.ts';

/** A matcher of a POST body; its expression has not been looked at yet. */
export interface PostableMatcher {
  readonly name: string;
  readonly value: string;
  readonly type: MatchType;
}

/** The body of `POST /api/v2/silences`, once it satisfies the schema. Times are milliseconds since the epoch. */
export interface PostableSilence {
  /** The silence to be changed; '' for a new one. */
  readonly id: string;
  readonly matchers: readonly PostableMatcher[];
  /** Undefined for Go's zero time, which stands for now. */
  readonly startsAt: number | undefined;
  /** Go's zero time is as good as any other that has passed. */
  readonly endsAt: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: LabelSet;
}
