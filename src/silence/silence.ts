import type { LabelSet } from '../alert/labels.ts';
import type { Matcher, OnUndecided, MatchType } from '../matcher/matcher.ts';

/** A silence as it is stored. It never changes; its next version replaces it. Times are milliseconds since the epoch. */
export interface Silence {
  /** A random UUID, chosen by us. */
  readonly id: string;
  /** An alert is silenced if all of them match. */
  readonly matchers: readonly Matcher[];
  readonly startsAt: number;
  readonly endsAt: number;
  readonly updatedAt: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: LabelSet;
}

export type SilenceState = 'active' | 'pending' | 'expired';

/**
 * A silence whose end is `now` has ended, like an alert. In Alertmanager it is active for that one instant more, which cannot be
 * observed there: its clock counts nanoseconds.
 */
export function silenceState({ startsAt, endsAt }: Pick<Silence, 'startsAt' | 'endsAt'>, now: number): SilenceState {
  if (now < startsAt) return 'pending';
  return now < endsAt ? 'active' : 'expired';
}

/** True if the silence concerns an alert with these labels, at any time. */
export function concerns({ matchers }: Silence, labels: LabelSet, onUndecided?: OnUndecided): boolean {
  for (const matcher of matchers) if (!matcher.matches(labels, onUndecided)) return false;
  return true;
}

/** A matcher of a POST body; its expression has not been checked yet. */
export interface PostableMatcher {
  readonly name: string;
  readonly value: string;
  readonly type: MatchType;
}

/** The body of `POST /api/v2/silences`, once it satisfies the schema. Times are milliseconds since the epoch. */
export interface PostableSilence {
  /** The id of the silence to change; '' for a new one. */
  readonly id: string;
  readonly matchers: readonly PostableMatcher[];
  /** Undefined for Go's zero time, which means now. */
  readonly startsAt: number | undefined;
  /** Go's zero time is treated like any other time in the past. */
  readonly endsAt: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: LabelSet;
}
