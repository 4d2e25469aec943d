import type { AlertStore } from '../alert/alert-store.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { Clock } from '../clock.ts';
import type { AlertSnapshot, AlertSource } from '../controller/ports.ts';

/** The truth where no Prometheus is configured: the alerts that were pushed. */
export class StoredAlertSource implements AlertSource {
  readonly pulls = false;
  readonly #store: AlertStore;
  readonly #clock: Clock;
  #last: AlertSnapshot | undefined;

  constructor(store: AlertStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async snapshot(notBefore: number, _requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    signal.throwIfAborted();
    const now = this.#clock.now();
    if (this.#last === undefined || !isFresh(this.#last.takenAt, notBefore, now)) {
      this.#last = { takenAt: now, firing: new FiringAlerts(this.#store.firingAt(now)) };
    }
    return this.#last;
  }
}

/**
 * Later than the cause, not just as late: within one millisecond an alert can come after the snapshot and before the request
 * for it. And not from the future, as it is when the clock was set back.
 */
function isFresh(takenAt: number, notBefore: number, now: number): boolean {
  return takenAt > notBefore && takenAt <= now;
}
