import { isResolved, type AlertTimes } from './alert-times.ts';

/**
 * What is stored after `received` comes in for an alert that is stored as `stored`: both merged if they overlap, `received`
 * alone otherwise (a new episode, or the usual re-send with the same start and a later end). The texts of an alert are those of
 * the one whose `updatedAt` is taken, the younger.
 * Source of the rules: Alertmanager 0.34, provider/mem and alert.Merge.
 */
export function mergeTimes(stored: AlertTimes, received: AlertTimes, now: number): AlertTimes {
  if (!overlaps(stored, received)) return received;
  return stored.updatedAt > received.updatedAt ? merge(received, stored, now) : merge(stored, received, now);
}

/** Strict on both sides, and not symmetric: does the received alert end, or start, within the stored one? */
function overlaps(stored: AlertTimes, received: AlertTimes): boolean {
  const endsWithin = received.endsAt > stored.startsAt && received.endsAt < stored.endsAt;
  const startsWithin = received.startsAt > stored.startsAt && received.startsAt < stored.endsAt;
  return endsWithin || startsWithin;
}

function merge(older: AlertTimes, younger: AlertTimes, now: number): AlertTimes {
  return { ...younger, startsAt: Math.min(older.startsAt, younger.startsAt), endsAt: mergedEnd(older, younger, now) };
}

function mergedEnd(older: AlertTimes, younger: AlertTimes, now: number): number {
  // Of two explicit resolves the later one counts.
  if (isResolved(younger, now)) return isResolved(older, now) ? Math.max(older.endsAt, younger.endsAt) : younger.endsAt;
  // While the alert fires, an end that a sender promised is not shortened; one that was only our timeout is.
  return older.endsAt > younger.endsAt && !older.timeout ? older.endsAt : younger.endsAt;
}
