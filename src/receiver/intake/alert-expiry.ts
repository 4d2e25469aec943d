import type { AlertStore } from '../../alert/alert-store.ts';
import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import { sliceMs } from '../../runtime/slices.ts';
import type { Causes } from '../../cause/causes.ts';
import { LanedCauses, type PlatformAlerts } from '../../cause/platform-alerts.ts';
import { Suppressed, type AlertLines } from './alert-lines.ts';
import type { Silencing } from '../../silence/silences.ts';

export interface AlertExpiryOptions {
  readonly clock: Clock;
  readonly store: AlertStore;
  readonly lines: AlertLines;
  readonly silencing: Silencing;
  /** `lanes.platform`; called each time, because a reload may change it. */
  readonly platform: () => PlatformAlerts;
  /** Called with the alerts that a silence kept from waking a reconcile. */
  readonly onSuppressed: (suppressed: Suppressed) => void;
  readonly sink: (causes: Causes) => void;
}

/**
 * The most alerts that expire in one turn of the event loop, and the most characters of their labels, because they are logged. A
 * turn that takes long handles fewer.
 */
const perTurn = 1000;
const charactersPerTurn = 1024 * 1024;

/** Makes an event of every alert that ended because nobody sent it again, with one timer, set for the store's next deadline. */
export class AlertExpiry {
  readonly #options: AlertExpiryOptions;
  #cancelTimer: CancelTimer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: AlertExpiryOptions) {
    this.#options = options;
  }

  /** Processes what is due, and sets the timer for the rest. Call it before and after the store changes. */
  run(): void {
    const { clock, store, sink } = this.#options;
    const now = clock.now();
    if ((store.nextDeadline ?? Number.POSITIVE_INFINITY) <= now) {
      this.#expire(now).waking.forEach(sink);
    }
    this.#setTimer();
  }

  /** Leaves no timer behind, even if a batch that is still being stored calls {@link run} once more. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #expire(now: number): LanedCauses {
    const { clock, store, lines, silencing, platform, onSuppressed } = this.#options;
    const causes = new LanedCauses(platform());
    const suppressed = new Suppressed();
    let characters = 0;
    const isOver = (): boolean => Math.abs(clock.now() - now) >= sliceMs;
    for (let looked = 0; looked < perTurn && characters < charactersPerTurn && !isOver(); looked++) {
      for (const alert of store.expire(now, 1)) {
        const silences = silencing(alert, now);
        if (silences.length > 0) suppressed.add(alert, silences);
        const lane = silences.length > 0 ? 'user' : causes.add(alert, 'expired', now);
        lines.write('alert.expired', alert, undefined, lane);
        characters += alert.key.length;
      }
    }
    if (suppressed.count > 0) onSuppressed(suppressed);
    return causes;
  }

  #setTimer(): void {
    const { clock, store } = this.#options;
    const next = store.nextDeadline ?? Number.POSITIVE_INFINITY;
    if (next === this.#timerAt && this.#cancelTimer !== undefined) return;
    this.#cancel();
    if (next === Number.POSITIVE_INFINITY || this.#closed) return;
    this.#timerAt = next;
    this.#cancelTimer = clock.setTimeout(() => this.#due(), next - clock.now());
  }

  #due(): void {
    this.#cancelTimer = undefined;
    this.run();
  }
}
