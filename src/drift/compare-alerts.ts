import { isResolved, type Alert } from '../alert/alert.ts';
import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import type { Slices } from '../runtime/slices.ts';
import type { ComparedLabels } from './compared-labels.ts';

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

interface CompareOptions {
  readonly labels: ComparedLabels;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly slices: Slices;
  /** Called for a reported alert that is not pushed as firing. */
  readonly onNotPushed: (key: string) => unknown;
  /** Called for an alert that is pushed as firing and not reported. */
  readonly onNotReported: (key: string, alert: Alert) => unknown;
}

/**
 * Compares the alerts that Prometheus reports with those that are stored as firing, by the labels that both have to have. Of most
 * alerts only a hash is kept meanwhile: two alerts that share one hide a difference, and never make one up.
 * @returns when a reported alert was last pushed by a sender that says when it ends, as a Prometheus does; milliseconds since the epoch
 */
export async function compare(
  firing: FiringAlerts,
  stored: Iterable<Alert>,
  { labels, now, slices, onNotPushed, onNotReported }: CompareOptions,
): Promise<number> {
  const reported = new Set<number>();
  const pushed = new Set<number>();
  let fedAt = Number.NEGATIVE_INFINITY;
  let steps = 0;
  const isOver = (): boolean => ++steps % alertsPerStep === 0 && slices.isOver;
  for (const alert of firing.all) {
    reported.add(hash(comparedKey(alert.labels, labels)));
    if (isOver()) await slices.yieldTurn();
  }
  for (const alert of stored) {
    if (isOver()) await slices.yieldTurn();
    if (isResolved(alert.times, now)) continue;
    const key = keyOfStored(alert, labels);
    const hashed = hash(key);
    pushed.add(hashed);
    if (!reported.has(hashed)) onNotReported(key, alert);
    else if (!alert.times.timeout) fedAt = Math.max(fedAt, alert.times.updatedAt);
  }
  for (const alert of firing.all) {
    const key = comparedKey(alert.labels, labels);
    if (!pushed.has(hash(key))) onNotPushed(key);
    if (isOver()) await slices.yieldTurn();
  }
  return fedAt;
}

/** Identifies an alert by the labels that are compared. */
export function comparedKey(labels: LabelSet, { isLeftOut }: ComparedLabels): string {
  if (!Object.keys(labels).some(isLeftOut)) return labelKey(labels);
  // Built from entries, so that a label called `__proto__` stays a label.
  return labelKey(Object.fromEntries(Object.entries(labels).filter(([name]) => !isLeftOut(name))));
}

/** The key of most stored alerts is what it would be anyway, since they have no label that is left out. */
function keyOfStored(alert: Alert, labels: ComparedLabels): string {
  const { names, hasPatterns } = labels;
  const { key } = alert;
  const isWhole = !hasPatterns && [...names].every((name) => !key.includes(JSON.stringify(name)));
  return isWhole ? key : comparedKey(alert.labels, labels);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01_00_01_93);
  return value;
}
