import { Alert, receivedTimes } from './alert.ts';
import { posted } from './alert-store.fixture.ts';
import type { LabelSet } from './labels.ts';

/** A firing alert with these labels. */
export function newAlert(labels: LabelSet): Alert {
  const alert = posted({ labels });
  const now = Date.parse('2026-11-21T03:00:00.000Z');
  return new Alert(alert, receivedTimes(alert, now, 5 * 60_000));
}
