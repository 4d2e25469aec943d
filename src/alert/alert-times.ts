import type { PostableAlert } from './postable/postable-alert.ts';

/** When an alert began, ends and was received last; milliseconds since the epoch. Alerts share them: nobody writes into one. */
export interface AlertTimes {
  readonly startsAt: number;
  readonly endsAt: number;
  /** When the alert was received last. */
  readonly updatedAt: number;
  /** True if the sender gave no end, so that `endsAt` is only when we stop believing in it. */
  readonly timeout: boolean;
}

/** An alert whose end is `now` has ended, as everywhere in Alertmanager. */
export function isResolved({ endsAt }: AlertTimes, now: number): boolean {
  return endsAt <= now;
}

/**
 * Alertmanager's defaulting of times (its postAlertsHandler): no start means now, or the end if that is given; no end
 * means `now + resolveTimeoutMs`.
 */
export function receivedTimes(
  { startsAt, endsAt }: Pick<PostableAlert, 'startsAt' | 'endsAt'>,
  now: number,
  resolveTimeoutMs: number,
): AlertTimes {
  return {
    startsAt: startsAt ?? endsAt ?? now,
    endsAt: endsAt ?? now + resolveTimeoutMs,
    updatedAt: now,
    timeout: endsAt === undefined,
  };
}
