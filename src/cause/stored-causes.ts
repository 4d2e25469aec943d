import * as z from 'zod';
import { LabelsInJson } from '../alert/labels.ts';
import { Causes, causeTriggers } from './causes.ts';
import { Cause, causeStatuses } from './cause.ts';

const milliseconds = z.number();

/** Causes as they outlive the process. */
export const StoredCauses = z.object({
  lane: z.enum(['platform', 'user']).default('user'),
  triggers: z.array(z.enum(causeTriggers)),
  alerts: z.array(
    z.object({
      key: z.string(),
      labels: LabelsInJson,
      fingerprint: z.string().optional(),
      times: z.object({ startsAt: milliseconds, endsAt: milliseconds }).optional(),
      status: z.enum(causeStatuses),
      firstSeen: milliseconds,
      lastSeen: milliseconds,
      count: z.int().min(1),
    }),
  ),
  requestIds: z.array(z.string()),
  alertCount: z.int().min(0),
  omittedRequestIds: z.int().min(0),
  truncatedAlerts: z.int().min(0),
  incomplete: z.boolean(),
  /** Null: never. */
  firstSeen: milliseconds.nullable(),
  lastSeen: milliseconds.nullable(),
});
export type StoredCauses = z.infer<typeof StoredCauses>;

export function storedCauses(causes: Causes): StoredCauses {
  const { lane, alertCount, omittedRequestIds, truncatedAlerts, incomplete } = causes;
  return {
    lane,
    triggers: [...causes.triggers],
    alerts: [...causes.alerts.values()].map(storedCause),
    requestIds: [...causes.requestIds],
    alertCount,
    omittedRequestIds,
    truncatedAlerts,
    incomplete,
    firstSeen: finite(causes.firstSeen),
    lastSeen: finite(causes.lastSeen),
  };
}

function storedCause({ key, alert, status, firstSeen, lastSeen, count }: Cause): StoredCauses['alerts'][number] {
  const { labels, fingerprint, times } = alert;
  return {
    key,
    labels,
    ...(fingerprint !== undefined && { fingerprint }),
    ...(times !== undefined && { times: { startsAt: times.startsAt, endsAt: times.endsAt } }),
    status,
    firstSeen,
    lastSeen,
    count,
  };
}

export function restoredCauses({ alerts, incomplete, ...counts }: StoredCauses): Causes {
  const causes = alerts.map(
    ({ key, labels, fingerprint, times, status, firstSeen, lastSeen, count }) =>
      new Cause(
        key,
        { labels, ...(fingerprint !== undefined && { fingerprint }), ...(times !== undefined && { times }) },
        status,
        firstSeen,
        lastSeen,
        count,
      ),
  );
  const firstSeen = counts.firstSeen ?? Number.POSITIVE_INFINITY;
  return Causes.from(
    causes,
    { ...counts, firstSeen, lastSeen: counts.lastSeen ?? Number.NEGATIVE_INFINITY },
    incomplete,
  );
}

/** The same causes with at most so many alerts: the newest of each name first, then the newest others. The rest is counted. */
export function fewerCauses(causes: Causes, maxAlerts: number): Causes {
  const { alerts } = causes;
  if (alerts.size <= maxAlerts) return causes;
  const newest = [...alerts.values()].toReversed();
  const names = new Set<string>();
  const firstOfName = newest.filter((cause) => names.size < names.add(alertName(cause)).size);
  const few = new Set([...new Set([...firstOfName, ...newest])].slice(0, maxAlerts));
  return Causes.from(
    [...alerts.values()].filter((cause) => few.has(cause)),
    causes,
    true,
  );
}

/** The same causes for a look at what is true at this time, milliseconds. */
export function causesAsOf(causes: Causes, now: number): Causes {
  const { lane, triggers, requestIds, alertCount, omittedRequestIds, truncatedAlerts, firstSeen, incomplete } = causes;
  const counts = {
    lane,
    triggers,
    requestIds,
    alertCount,
    omittedRequestIds,
    truncatedAlerts,
    firstSeen,
    lastSeen: now,
  };
  return Causes.from(causes.alerts.values(), counts, incomplete);
}

/** The alerts that the causes name, each name once. */
export function alertNames(causes: Causes): readonly string[] {
  return [...new Set([...causes.alerts.values()].map(alertName))];
}

function alertName({ labels }: Cause): string {
  return labels['alertname'] ?? '(no alertname)';
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}
