import type { AlertStore } from '../alert/alert-store.ts';
import { isResolved } from '../alert/alert.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { AlertSnapshot, AlertSource } from '../reconcile/ports.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

/** A snapshot that is not older will do for whoever only wants to look, milliseconds. */
const recentMs = 1000;

interface Taken {
  readonly takenAt: number;
  readonly snapshot: Promise<AlertSnapshot>;
}

/** The source of truth when no Prometheus is configured: the alerts that were pushed. */
export class StoredAlertSource implements AlertSource {
  readonly pulls = false;
  readonly #store: AlertStore;
  readonly #schedule: SliceSchedule;
  #last: Taken | undefined;

  constructor(store: AlertStore, schedule: SliceSchedule) {
    this.#store = store;
    this.#schedule = schedule;
  }

  async snapshot(notBefore: number, _requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    signal.throwIfAborted();
    const now = this.#schedule.clock.now();
    if (this.#last === undefined || !isFresh(this.#last.takenAt, notBefore, now))
      this.#last = { takenAt: now, snapshot: this.#takeSnapshot(now) };
    return this.#last.snapshot;
  }

  /** What fires now, or did a moment ago. */
  async latest(): Promise<FiringAlerts> {
    const recent = this.#schedule.clock.now() - recentMs;
    return (await this.snapshot(recent, [], new AbortController().signal)).firing;
  }

  /** Works in slices. An alert that arrives or changes meanwhile wakes a reconcile of its own, for which this snapshot is too old. */
  async #takeSnapshot(takenAt: number): Promise<AlertSnapshot> {
    const slices = new Slices(this.#schedule, 'stored alerts');
    const firing = new FiringAlerts(slices);
    let looked = 0;
    for (const alert of this.#store.all()) {
      if (!isResolved(alert.times, takenAt)) firing.add(alert);
      if (++looked % alertsPerStep === 0 && slices.isOver) await slices.yieldTurn();
    }
    return { takenAt, firing };
  }
}

/**
 * Must be later than the cause, not just as late: within one millisecond an alert can arrive after the snapshot and before the
 * request for it. A snapshot from the future, as after the clock was set back, is not fresh either.
 */
function isFresh(takenAt: number, notBefore: number, now: number): boolean {
  return takenAt > notBefore && takenAt <= now;
}
