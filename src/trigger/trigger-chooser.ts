import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { labelKey } from '../alert/labels.ts';
import { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import type { AlertSource, Choice, Request } from '../reconcile/ports.ts';
import type { LogFields } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { emptyLike, FoundObjects } from './found-objects.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import type { TriggerObserver } from './ports.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import { heldNow } from './why-not.ts';
import type { Target, TemplateData, Trigger } from './trigger.ts';

/** Alerts of one event, and its id in the log. */
interface ChosenEvent {
  readonly id: string;
  readonly causes: Causes;
}

interface TriggerChooserOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly triggers: TriggerIndex;
  readonly targets: TriggerTargets;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  readonly inhibited: InhibitedAlerts;
  readonly observer: Pick<TriggerObserver, 'fired' | 'suppressed'>;
  /** Hears why a target of a trigger led to nothing. */
  readonly onProblem: (trigger: Trigger, problem: string) => void;
  /** Every object whose condition a trigger keeps. */
  readonly objects: () => readonly Request[];
}

/** What each trigger matched of an event. */
type Matched = ReadonlyMap<Trigger, Causes>;

/**
 * Finds out which triggers the alerts of an event wake, and for which objects. What needs an answer from outside comes later, so that
 * no other trigger waits for it: who owns a pod, and what fires, to know whether the alert is inhibited.
 */
export class TriggerChooser {
  readonly #options: TriggerChooserOptions;

  constructor(options: TriggerChooserOptions) {
    this.#options = options;
  }

  /** The objects that are known at once. */
  choose(event: ChosenEvent): readonly Choice[] {
    if (this.#options.triggers.size === 0) return [];
    const found = new FoundObjects(event.causes);
    for (const [trigger, causes] of this.#awake(matchedBy(event.causes, this.#options.triggers), event)) {
      if (!isSlow(trigger)) this.#fire(trigger, causes, event);
      if (trigger.inhibitedBy.length === 0) this.#find(trigger, causes, found);
    }
    return found.choices();
  }

  /** True if {@link chooseLater} has something to do. */
  hasMore({ causes }: ChosenEvent): boolean {
    const { triggers, inhibited } = this.#options;
    if (triggers.size === 0) return false;
    if (causes.incomplete || inhibited.size > 0) return true;
    return [...causes.alerts.values()].some(({ labels }) => triggers.matching(labels).some(isSlow));
  }

  /** The objects that need an answer from outside. Rejects if there is none, or with the signal's reason. */
  async chooseLater(event: ChosenEvent, signal: AbortSignal): Promise<readonly Choice[]> {
    const { alerts, triggers, inhibited } = this.#options;
    const { causes } = event;
    const found = new FoundObjects(causes);
    const matched = new Map(matchedBy(causes, triggers));
    const isAsked = causes.incomplete || inhibited.size > 0 || [...matched.keys()].some(isInhibitable);
    const snapshot = isAsked ? await alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal) : undefined;
    const unnamed = causes.incomplete && snapshot !== undefined ? this.#unnamed(matched, causes, snapshot.firing) : [];
    if (snapshot !== undefined) await this.#inhibit(matched, snapshot.firing, event);
    for (const [trigger, own] of this.#awake(matched, event)) {
      if (own.alertCount === 0) continue;
      if (isSlow(trigger) || unnamed.includes(trigger)) this.#fire(trigger, own, event);
      if (isInhibitable(trigger) || unnamed.includes(trigger)) this.#find(trigger, own, found);
      await this.#findOwners(trigger, own, found, signal);
    }
    return [...found.choices(), ...this.#looks(causes, found)];
  }

  /** The objects that one trigger names for alerts which it has matched. */
  async chooseFor(trigger: Trigger, causes: Causes, signal: AbortSignal): Promise<readonly Choice[]> {
    const found = new FoundObjects(causes);
    this.#find(trigger, causes, found);
    await this.#findOwners(trigger, causes, found, signal);
    return found.choices();
  }

  /** True if a trigger chooses the object for these alerts, as far as that is known at once. */
  stillChooses(trigger: Trigger, request: Request, causes: Causes): boolean {
    const { targets, triggers } = this.#options;
    const own = matchedBy(causes, triggers).get(trigger);
    if (own === undefined) return false;
    const found = new FoundObjects(causes);
    this.#find(trigger, own, found);
    // Who owns a pod is not asked again.
    return found.has(request) || targets.mayLeadTo(trigger, request);
  }

  #awake(matched: Matched, event: ChosenEvent): readonly (readonly [Trigger, Causes])[] {
    const { clock } = this.#options;
    return [...matched].filter(([trigger, causes]) => {
      const isAwake = heldNow(trigger, clock.now()) !== 'suspended';
      if (!isAwake) this.#suppress(trigger, causes.alerts.size, { event_id: event.id, because: 'suspended' });
      return isAwake;
    });
  }

  #suppress(trigger: Trigger, alerts: number, fields: LogFields): void {
    const { logger, observer } = this.#options;
    observer.suppressed(trigger.key, alerts);
    if (!logger.enables('debug', 'trigger.suppressed')) return;
    logger.debug('trigger.suppressed', 'alerts matched a trigger, and wake nothing', {
      ...fields,
      trigger: trigger.key,
      alerts,
    });
  }

  #fire(trigger: Trigger, causes: Causes, { id }: ChosenEvent): void {
    const newest = [...causes.alerts.values()].at(-1);
    this.#options.observer.fired(trigger.key, {
      alert: newest?.labels['alertname'] ?? '(no alertname)',
      at: causes.lastSeen,
      eventId: id,
      alerts: causes.alerts.size,
    });
  }

  /** Adds the alerts that fire and that the event no longer names. @returns the triggers that got any */
  #unnamed(matched: Map<Trigger, Causes>, causes: Causes, firing: FiringAlerts): readonly Trigger[] {
    const added = new Set<Trigger>();
    for (const alert of firing.all)
      for (const trigger of this.#options.triggers.matching(alert.labels)) {
        const own = matched.get(trigger) ?? emptyLike(causes);
        const key = labelKey(alert.labels);
        if (own.alerts.has(key)) continue;
        own.addCause(new Cause(key, alert, 'firing', causes.lastSeen));
        matched.set(trigger, own);
        added.add(trigger);
      }
    return [...added];
  }

  /** Takes out what is inhibited now, and adds what was and is no longer. */
  async #inhibit(matched: Map<Trigger, Causes>, firing: FiringAlerts, event: ChosenEvent): Promise<void> {
    const { inhibited, triggers } = this.#options;
    for (const [trigger, causes] of matched) {
      if (!isInhibitable(trigger)) continue;
      const awake = emptyLike(causes);
      for (const cause of causes.alerts.values()) if (!inhibited.keeps(trigger, cause, firing)) awake.addCause(cause);
      const count = causes.alerts.size - awake.alerts.size;
      if (count > 0) {
        const source = inhibited.sourceOf(trigger.key);
        this.#suppress(trigger, count, { event_id: event.id, because: 'inhibited', source });
      }
      matched.set(trigger, awake);
    }
    for (const [key, ended] of await inhibited.ended(firing)) {
      const trigger = triggers.get(key);
      if (trigger === undefined) continue;
      const own = matched.get(trigger) ?? new Causes();
      for (const cause of ended) own.addCause(cause);
      matched.set(trigger, own);
    }
  }

  #find(trigger: Trigger, causes: Causes, found: FoundObjects): void {
    const { targets } = this.#options;
    for (const request of targets.staticOf(trigger)) found.add(request, trigger, causes);
    for (const target of targets.dynamicOf(trigger))
      for (const cause of causes.alerts.values()) this.#findOne(trigger, target, cause, found);
  }

  #findOne(trigger: Trigger, target: Target, cause: Cause, found: FoundObjects): void {
    const { targets, onProblem } = this.#options;
    const result = targets.find(trigger, target, dataOf(cause));
    if ('problem' in result) onProblem(trigger, result.problem);
    if ('requests' in result) for (const request of result.requests) found.addCause(request, trigger, cause);
  }

  async #findOwners(trigger: Trigger, causes: Causes, found: FoundObjects, signal: AbortSignal): Promise<void> {
    const { targets, onProblem } = this.#options;
    const asked: Promise<void>[] = [];
    for (const target of targets.dynamicOf(trigger))
      for (const cause of causes.alerts.values()) {
        const result = target.by === 'owner' ? targets.find(trigger, target, dataOf(cause)) : undefined;
        if (result === undefined || !('owner' in result)) continue;
        const { owner } = result;
        const ask = async (): Promise<void> => {
          const answer = await targets.ownerOf(trigger, owner, signal);
          if ('problem' in answer) onProblem(trigger, answer.problem);
          if ('requests' in answer) for (const request of answer.requests) found.addCause(request, trigger, cause);
        };
        asked.push(ask());
      }
    await Promise.all(asked);
  }

  /** An alert that ended may be one that the event no longer names: whoever has a condition is looked at. */
  #looks(causes: Causes, found: FoundObjects): readonly Choice[] {
    if (!causes.incomplete) return [];
    const requests = this.#options.objects().filter((request) => !found.has(request));
    const look = Causes.of('truncated', causes.lastSeen);
    return requests.length === 0 ? [] : [{ requests, causes: look, chosenBy: new Map() }];
  }
}

/** The part of the causes that each trigger matches. */
export function matchedBy(causes: Causes, triggers: Pick<TriggerIndex, 'matching'>): Matched {
  const matched = new Map<Trigger, Causes>();
  for (const cause of causes.alerts.values())
    for (const trigger of triggers.matching(cause.labels)) {
      const own = matched.get(trigger) ?? emptyLike(causes);
      own.addCause(cause);
      matched.set(trigger, own);
    }
  return matched;
}

/** True if the trigger needs an answer from outside. */
function isSlow(trigger: Trigger): boolean {
  return isInhibitable(trigger) || trigger.targets.some(({ by }) => by === 'owner');
}

function isInhibitable({ inhibitedBy }: Trigger): boolean {
  return inhibitedBy.length > 0;
}

function dataOf({ labels, annotations, lastSeen }: Cause): TemplateData {
  return { labels, annotations, now: lastSeen };
}
