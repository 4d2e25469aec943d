import { isResolved } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { SilenceIndex } from './silence-index.ts';
import type { Silence } from './silence.ts';
import { Slices } from '../runtime/slices.ts';
import type { Causes } from '../cause/causes.ts';
import { LanedCauses, type PlatformAlerts } from '../cause/platform-alerts.ts';
import type { Silencing } from './silences.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface UnsilencedOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly store: AlertStore;
  readonly silencing: Silencing;
  /** `lanes.platform`; called each time, because a reload may change it. */
  readonly platform: () => PlatformAlerts;
  readonly sink: (causes: Causes) => void;
}

/** When a silence has ended, wakes a reconcile for the alerts that fire and are no longer silenced. */
export class Unsilenced {
  readonly #options: UnsilencedOptions;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: UnsilencedOptions) {
    this.#options = options;
  }

  /**
   * Looks at all alerts in slices, for one ended silence after the other.
   * @param requestId the request that ended the silences; undefined if time did
   */
  wake(ended: readonly Silence[], requestId?: string): void {
    this.#last = this.#last.then(() => this.#wake(ended, requestId));
  }

  close(): void {
    this.#closed = true;
  }

  async #wake(ended: readonly Silence[], requestId: string | undefined): Promise<void> {
    const { clock, schedule, store, silencing, platform, sink } = this.#options;
    const index = new SilenceIndex();
    for (const silence of ended) index.add(silence);
    const slices = new Slices(schedule, 'unsilenced');
    const causes = new LanedCauses(platform());
    for (const alert of store.all()) {
      if (this.#closed) return;
      const now = clock.now();
      if (!isResolved(alert.times, now) && index.concerning(alert.labels).length > 0) {
        if (silencing(alert, now).length === 0) causes.add(alert, 'silence expired', now);
      }
      if (slices.isOver) await slices.yieldTurn();
    }
    if (this.#closed) return;
    for (const each of causes.waking) {
      if (requestId !== undefined) each.addRequestId(requestId);
      sink(each);
    }
  }
}
