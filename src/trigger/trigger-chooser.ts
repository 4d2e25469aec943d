import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import type { AlertSource, Choice, Request } from '../reconcile/ports.ts';
import type { LogFields } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { AwaitedChoices, type AwaitedChoice } from './awaited-choices.ts';
import { FoundObjects } from './found-objects.ts';
import { matchedBy, MatchedAlerts, matchedOf, type ChosenEvent, type Matched } from './matched-alerts.ts';
import { OwnerSearches, type OwnerSearchesOptions } from './owner-searches.ts';
import { Slices } from '../runtime/slices.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import type { TriggerObserver } from './ports.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import { heldNow } from './why-not.ts';
import type { Target, TemplateData, Trigger } from './trigger.ts';

interface TriggerChooserOptions extends OwnerSearchesOptions, Pick<Runtime, 'schedule'> {
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

interface FiringOptions {
  /** Default: it fires. */
  readonly status?: Cause['status'];
  readonly only?: Trigger;
  readonly but?: Matched;
}

/**
 * Finds out which triggers the alerts of an event wake, and for which objects. What fires, to know whether an alert is inhibited, has
 * to be asked, and comes later. The owners of pods are searched for apart, so that no other trigger waits for them.
 */
export class TriggerChooser {
  readonly #options: TriggerChooserOptions;
  readonly #awaited: AwaitedChoices;
  /** Nobody waits for them: what they find they wake. */
  readonly #searches: OwnerSearches;

  constructor(options: TriggerChooserOptions) {
    this.#options = options;
    this.#awaited = new AwaitedChoices(options);
    this.#searches = new OwnerSearches(options);
  }

  /** Gives up the searches for owners. */
  close(): Promise<void> {
    return this.#searches.close();
  }

  /** The objects that are known at once. */
  choose(event: ChosenEvent): readonly Choice[] {
    if (this.#options.triggers.size === 0) return [];
    const found = new FoundObjects(event.causes);
    for (const [trigger, matched] of this.#awake(matchedBy(event.causes, this.#options.triggers), event)) {
      if (!isSlow(trigger)) this.#fire(trigger, matched, event);
      if (trigger.inhibitedBy.length > 0) continue;
      for (const _ of this.#find(this.#awaited.keep(trigger, matched.causes, event.id), matched, found));
    }
    return found.choices();
  }

  /** True if {@link chooseLater} has something to do. */
  hasMore({ causes }: ChosenEvent): boolean {
    const { triggers, inhibited } = this.#options;
    if (triggers.size === 0) return false;
    if (causes.incomplete || inhibited.size > 0) return true;
    return [...causes.alerts.values()].some(({ labels }) => triggers.matching(labels, isSlow).length > 0);
  }

  /**
   * The objects that are known when it is known what fires; the searches for owners begin.
   * Rejects if that cannot be asked, or with the signal's reason.
   */
  async chooseLater(event: ChosenEvent, signal: AbortSignal): Promise<readonly Choice[]> {
    const { alerts, triggers, inhibited } = this.#options;
    const { causes } = event;
    const found = new FoundObjects(causes);
    const matched = matchedBy(causes, triggers);
    const isAsked = causes.incomplete || inhibited.size > 0 || [...matched.keys()].some(isInhibitable);
    const snapshot = isAsked ? await alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal) : undefined;
    // An event names a hundred alerts at most: the others are among those that fire.
    const unnamed = causes.incomplete && snapshot ? await this.#firing(causes, snapshot.firing, { but: matched }) : [];
    const others = new Map(matched);
    for (const [trigger, more] of unnamed)
      if (isInhibitable(trigger)) for (const cause of more.all.values()) matchedOf(others, trigger, causes).add(cause);
    if (snapshot !== undefined) await this.#inhibit(others, event, snapshot.firing);
    for (const [trigger, own] of this.#awake(new Map([...others].filter(([each]) => isSlow(each))), event)) {
      if (own.all.size === 0) continue;
      this.#fire(trigger, own, event);
      await this.#findAll(trigger, own, { event, isWanted: isInhibitable(trigger) }, found);
    }
    const rest = [...unnamed].filter(([trigger]) => !isInhibitable(trigger));
    for (const [trigger, more] of this.#awake(new Map(rest), event)) {
      if (!matched.has(trigger)) this.#fire(trigger, more, event);
      await this.#findAll(trigger, more, { event, isWanted: true }, found);
    }
    return [...found.choices(), ...this.#looks(causes, found)];
  }

  /** What waited for the objects of targets, and can be chosen now. */
  takeAwaited(): readonly AwaitedChoice[] {
    return this.#awaited.take();
  }

  /** The objects of targets that were waited for, for the alerts that are named. */
  chooseAwaited({ trigger, targets, eventId, causes }: AwaitedChoice): readonly Choice[] {
    const triggers = {
      matching: (labels: LabelSet) => this.#options.triggers.matching(labels, (each) => each === trigger),
    };
    const found = new FoundObjects(causes);
    for (const [, matched] of this.#awake(matchedBy(causes, triggers), { id: eventId, causes }))
      for (const _ of this.#find({ ...trigger, targets }, matched, found));
    return found.choices();
  }

  /** The objects that a trigger names for those of its alerts that fire. @param status why they are looked at */
  async chooseFiring(
    trigger: Trigger,
    firing: FiringAlerts,
    event: ChosenEvent,
    status: Cause['status'],
  ): Promise<readonly Choice[]> {
    const matched = await this.#firing(event.causes, firing, { status, only: trigger });
    await this.#inhibit(matched, event, firing);
    const own = matched.get(trigger) ?? new MatchedAlerts(event.causes);
    const found = new FoundObjects(event.causes);
    if (own.all.size > 0) await this.#findAll(trigger, own, { event, isWanted: true }, found);
    return found.choices();
  }

  /** True if a trigger chooses the object for these alerts, as far as that is known at once. */
  stillChooses(trigger: Trigger, request: Request, causes: Causes): boolean {
    const { targets, triggers } = this.#options;
    const own = matchedBy(causes, triggers).get(trigger);
    if (own === undefined) return false;
    const found = new FoundObjects(causes);
    for (const _ of this.#find(trigger, own, found));
    // Who owns a pod is not asked again.
    return found.has(request) || targets.mayLeadTo(trigger, request);
  }

  #awake(matched: Matched, event: ChosenEvent): readonly (readonly [Trigger, MatchedAlerts])[] {
    const { clock } = this.#options;
    return [...matched].filter(([trigger, { all }]) => {
      const isAwake = heldNow(trigger, clock.now()) !== 'suspended';
      if (!isAwake) this.#suppress(trigger, all.size, { event_id: event.id, because: 'suspended' });
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

  #fire(trigger: Trigger, { causes, all }: MatchedAlerts, { id }: ChosenEvent): void {
    const newest = [...causes.alerts.values()].at(-1);
    this.#options.observer.fired(trigger.key, {
      alert: newest?.labels['alertname'] ?? '(no alertname)',
      at: causes.lastSeen,
      eventId: id,
      alerts: all.size,
    });
  }

  /** The alerts that fire and that each trigger matches, found in slices. @param but these are left out */
  async #firing(
    event: Causes,
    firing: FiringAlerts,
    { status = 'firing', only, but }: FiringOptions,
  ): Promise<Map<Trigger, MatchedAlerts>> {
    const { schedule, triggers } = this.#options;
    const slices = new Slices(schedule, 'triggers');
    const matched = new Map<Trigger, MatchedAlerts>();
    const isAsked = only && ((trigger: Trigger): boolean => trigger === only);
    for (const alert of firing.all) {
      for (const trigger of triggers.matching(alert.labels, isAsked)) {
        const key = labelKey(alert.labels);
        if (but?.get(trigger)?.all.has(key) === true) continue;
        matchedOf(matched, trigger, event).add(new Cause(key, alert, status, event.lastSeen));
      }
      if (slices.isOver) await slices.yieldTurn();
    }
    return matched;
  }

  /** Takes out what is inhibited now, and adds what was and is no longer. */
  async #inhibit(matched: Map<Trigger, MatchedAlerts>, event: ChosenEvent, firing: FiringAlerts): Promise<void> {
    const { inhibited, schedule, triggers } = this.#options;
    const slices = new Slices(schedule, 'triggers');
    for (const [trigger, { all }] of [...matched].filter(([each]) => isInhibitable(each))) {
      const awake = new MatchedAlerts(event.causes);
      for (const cause of all.values()) {
        if (!inhibited.keeps(trigger, cause, firing)) awake.add(cause);
        if (slices.isOver) await slices.yieldTurn();
      }
      const count = all.size - awake.all.size;
      const fields = { event_id: event.id, because: 'inhibited', source: inhibited.sourceOf(trigger.key) };
      if (count > 0) this.#suppress(trigger, count, fields);
      matched.set(trigger, awake);
    }
    for (const [key, ended] of await inhibited.ended(firing)) {
      const trigger = triggers.get(key);
      if (trigger !== undefined) for (const cause of ended) matchedOf(matched, trigger, event.causes).add(cause);
    }
  }

  /** In slices; begins to search for the owners of pods. @param isWanted false if only the owners are still to be found */
  async #findAll(
    trigger: Trigger,
    matched: MatchedAlerts,
    { event, isWanted }: { readonly event: ChosenEvent; readonly isWanted: boolean },
    found: FoundObjects,
  ): Promise<void> {
    const slices = new Slices(this.#options.schedule, 'triggers');
    const ready = isWanted ? this.#awaited.keep(trigger, matched.causes, event.id) : trigger;
    if (isWanted) for (const _ of this.#find(ready, matched, found)) if (slices.isOver) await slices.yieldTurn();
    for (const _ of this.#searchOwners(trigger, matched, event)) if (slices.isOver) await slices.yieldTurn();
  }

  *#find(trigger: Trigger, { causes, all }: MatchedAlerts, found: FoundObjects): Iterable<void> {
    const { targets } = this.#options;
    for (const request of targets.staticOf(trigger)) found.add(request, trigger, causes);
    for (const target of targets.dynamicOf(trigger))
      for (const cause of all.values()) {
        this.#findOne(trigger, target, cause, found);
        yield;
      }
  }

  #findOne(trigger: Trigger, target: Target, cause: Cause, found: FoundObjects): void {
    const { targets, onProblem } = this.#options;
    const result = targets.find(trigger, target, dataOf(cause));
    if ('problem' in result) onProblem(trigger, result.problem);
    if ('requests' in result) for (const request of result.requests) found.addCause(request, trigger, cause);
  }

  *#searchOwners(trigger: Trigger, { all }: MatchedAlerts, event: ChosenEvent): Iterable<void> {
    const { targets } = this.#options;
    for (const target of targets.dynamicOf(trigger).filter(({ by }) => by === 'owner'))
      for (const cause of all.values()) {
        const result = targets.find(trigger, target, dataOf(cause));
        if ('owner' in result) this.#searches.add({ trigger, owner: result.owner, cause, event });
        yield;
      }
  }

  /** An alert that ended may be one that the event no longer names: whoever has a condition is looked at. */
  #looks(causes: Causes, found: FoundObjects): readonly Choice[] {
    if (!causes.incomplete) return [];
    const requests = this.#options.objects().filter((request) => !found.has(request));
    const look = Causes.of('truncated', causes.lastSeen);
    return requests.length === 0 ? [] : [{ requests, causes: look, chosenBy: new Map() }];
  }
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
