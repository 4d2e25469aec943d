import { Gauge } from 'prom-client';
import { Causes } from '../cause/causes.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { joinedEvent, type ChosenEvent } from './matched-alerts.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Target, Trigger } from './trigger.ts';

interface AwaitedChoicesOptions extends Pick<Runtime, 'logger' | 'registry'> {
  readonly triggers: Pick<TriggerIndex, 'get'>;
  readonly targets: Pick<TriggerTargets, 'awaitedOf'>;
}

/** What one trigger is to choose when the objects of these targets are known. */
export interface AwaitedChoice {
  readonly trigger: Trigger;
  readonly targets: readonly Target[];
  /** All events that wait; they name a hundred alerts at most. */
  readonly event: ChosenEvent;
}

/**
 * The choices that wait until the kind of a target is discovered and its objects are listed: a trigger is in force before that, and
 * the API server may fail. One is kept for each trigger, however many alerts come.
 */
export class AwaitedChoices {
  readonly #options: AwaitedChoicesOptions;
  readonly #kept = new Map<string, AwaitedChoice>();

  constructor(options: AwaitedChoicesOptions) {
    this.#options = options;
    const kept = this.#kept;
    new Gauge({
      registers: [options.registry],
      name: 'tocsin_trigger_choices_waiting',
      help: 'Triggers whose alerts have come and whose objects are not known yet, so that they are chosen later.',
      collect() {
        this.set(kept.size);
      },
    });
  }

  /** Keeps what has to wait. @returns the trigger with the other targets, which can be chosen now */
  keep(trigger: Trigger, event: ChosenEvent): Trigger {
    const awaited = this.#options.targets.awaitedOf(trigger);
    if (awaited.length === 0) return trigger;
    const kept = this.#kept.get(trigger.key);
    if (kept === undefined) this.#tell(trigger, awaited, event.id);
    const known = kept !== undefined && kept.trigger === trigger ? kept.targets : [];
    this.#kept.set(trigger.key, {
      trigger,
      targets: [...new Set([...known, ...awaited])],
      event: {
        ...(kept === undefined ? event : joinedEvent(kept.event, event)),
        causes: Causes.union(kept?.event.causes ?? new Causes(event.causes.lane), event.causes),
      },
    });
    return { ...trigger, targets: trigger.targets.filter((target) => !awaited.includes(target)) };
  }

  /** Once, however many alerts follow. */
  #tell({ key }: Trigger, targets: readonly Target[], eventId: string): void {
    const kinds = [...new Set(targets.map(({ kind = 'any' }) => kind))];
    const message =
      'alerts matched a trigger whose objects are not known yet, or cannot be listed: they are chosen when they are';
    this.#options.logger.info('trigger.choice_waits', message, { trigger: key, event_id: eventId, kinds });
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
