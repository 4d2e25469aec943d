import type { Causes } from '../../cause/causes.ts';
import type { Request } from '../../reconcile/ports.ts';
import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import type { Trigger } from '../trigger.ts';
import type { GuardTime } from './guard-records.ts';
import type { DropReason } from './guard-report.ts';
import type { Pair } from './guard-state.ts';

export interface ReleaseDecisionsOptions {
  readonly clock: Clock;
  /** True if a trigger that has changed since the run was parked still chooses the object for these causes. Never rejects. */
  readonly redecide: (trigger: Trigger, request: Request, causes: Causes) => Promise<boolean>;
  /** Something is decided that was not. */
  readonly onDecided: () => void;
}

/** A run whose slot has come. */
export interface ReleasedRun {
  /** The key of the trigger. */
  readonly trigger: string;
  readonly request: Request;
  readonly causes: Causes;
}

/** Why a parked run is not to be made, or that it has to be found out. */
type WhyNot = DropReason | 'undecided' | undefined;

interface Decision {
  readonly trigger: Trigger;
  because: WhyNot;
}

/** Decides whether a run that was parked is still to be made: the trigger may be another one by now. */
export class ReleaseDecisions {
  readonly #options: ReleaseDecisionsOptions;
  /** The trigger as it was when the run was parked; absent after a restart. */
  readonly #parkedBy = new WeakMap<Pair, Trigger>();
  /** What the trigger says as it is now, if it was asked. */
  readonly #decisions = new WeakMap<Pair, Decision>();

  constructor(options: ReleaseDecisionsOptions) {
    this.#options = options;
  }

  parked(pair: Pair, trigger: Trigger): void {
    this.#parkedBy.set(pair, trigger);
  }

  /** What is parked is decided by the trigger as it is now. */
  whyNot(trigger: Trigger | undefined, pair: Pair): WhyNot {
    if (trigger === undefined) return 'trigger_gone';
    if (trigger.mode === 'observe') return 'observed';
    const { suspend } = trigger;
    if (suspend !== undefined && (suspend.until ?? Number.POSITIVE_INFINITY) > this.#options.clock.now())
      return 'suspended';
    if (this.#parkedBy.get(pair) === trigger) return undefined;
    const decision = this.#decisions.get(pair);
    return decision?.trigger === trigger ? decision.because : this.#decideAnew(trigger, pair);
  }

  /** To try the expressions of a trigger may take long. What is not decided yet is looked at with the next release. */
  #decideAnew(trigger: Trigger, pair: Pair): 'undecided' {
    const decision: Decision = { trigger, because: 'undecided' };
    this.#decisions.set(pair, decision);
    void this.#options.redecide(trigger, pair.request, pair.parked!.causes).then((isChosen) => {
      decision.because = isChosen ? undefined : 'trigger_changed';
      return this.#options.onDecided();
    });
    return 'undecided';
  }
}

/** Rings when the next parked run is due. It rings once for each time that it is armed, and only while it runs. */
export class ReleaseTimer {
  readonly #clock: Clock;
  readonly #time: Pick<GuardTime, 'now'>;
  readonly #onDue: () => void;
  #isRunning = false;
  #cancel: CancelTimer | undefined;
  #at = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, time: Pick<GuardTime, 'now'>, onDue: () => void) {
    this.#clock = clock;
    this.#time = time;
    this.#onDue = onDue;
  }

  start(): void {
    this.#isRunning = true;
  }

  close(): void {
    this.#isRunning = false;
    this.#cancel?.();
  }

  /** Nothing changes if it rings earlier anyway. */
  arm(at: number): void {
    if (!this.#isRunning || at >= this.#at) return;
    this.#cancel?.();
    this.#at = at;
    this.#cancel = this.#clock.setTimeout(() => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#onDue();
    }, at - this.#time.now());
  }
}
