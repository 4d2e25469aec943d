import { Causes } from '../cause/causes.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Target, Trigger } from './trigger.ts';

interface AwaitedChoicesOptions {
  readonly triggers: Pick<TriggerIndex, 'get'>;
  readonly targets: Pick<TriggerTargets, 'awaitedOf'>;
}

/** What one trigger is to choose when the objects of these targets are known. */
export interface AwaitedChoice {
  readonly trigger: Trigger;
  readonly targets: readonly Target[];
  /** The first event that waits. */
  readonly eventId: string;
  /** Of all events that wait; they name a hundred alerts at most. */
  readonly causes: Causes;
}

/**
 * The choices that wait until the kind of a target is discovered and its objects are listed: a trigger is in force before that. One
 * is kept for each trigger, however many alerts come.
 */
export class AwaitedChoices {
  readonly #options: AwaitedChoicesOptions;
  readonly #kept = new Map<string, AwaitedChoice>();

  constructor(options: AwaitedChoicesOptions) {
    this.#options = options;
  }

  /** Keeps what has to wait. @returns the trigger with the other targets, which can be chosen now */
  keep(trigger: Trigger, causes: Causes, eventId: string): Trigger {
    const awaited = this.#options.targets.awaitedOf(trigger);
    if (awaited.length === 0) return trigger;
    const kept = this.#kept.get(trigger.key);
    const known = kept !== undefined && kept.trigger === trigger ? kept.targets : [];
    this.#kept.set(trigger.key, {
      trigger,
      targets: [...new Set([...known, ...awaited])],
      eventId: kept?.eventId ?? eventId,
      causes: Causes.union(kept?.causes ?? new Causes(causes.lane), causes),
    });
    return { ...trigger, targets: trigger.targets.filter((target) => !awaited.includes(target)) };
  }

  /** Takes out what need not wait any more. A trigger that has changed meanwhile chooses with all of its targets. */
  take(): readonly AwaitedChoice[] {
    const { triggers, targets } = this.#options;
    const due: AwaitedChoice[] = [];
    for (const [key, kept] of this.#kept) {
      const trigger = triggers.get(key);
      if (trigger !== undefined && targets.awaitedOf(trigger).length > 0) continue;
      this.#kept.delete(key);
      if (trigger === undefined) continue;
      due.push(trigger === kept.trigger ? kept : { ...kept, trigger, targets: trigger.targets });
    }
    return due;
  }
}
