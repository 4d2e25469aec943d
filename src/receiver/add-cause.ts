import { hash } from 'node:crypto';
import type { Alert } from '../alert/alert.ts';
import type { Causes, CauseStatus } from '../workqueue/causes.ts';
import { briefLabels } from './brief-labels.ts';

/** Adds an alert to what wakes a reconcile; of one with huge labels, only so much as may be kept for long. */
export function addCause(causes: Causes, alert: Alert, status: CauseStatus, at: number): void {
  const { labels } = briefLabels(alert);
  // Only an alert whose labels are brief has a brief key.
  const key = labels === alert.labels ? alert.key : hash('sha256', alert.key);
  causes.addAlert(key, labels, status, at);
}
