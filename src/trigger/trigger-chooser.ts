import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import { labelKey } from '../alert/labels.ts';
import { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import type { AlertSource, Choice, Request } from '../reconcile/ports.ts';
import type { LogFields } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { AwaitedChoices, type AwaitedChoice } from './awaited-choices.ts';
import { FoundObjects } from './found-objects.ts';
import type { EventMatches } from './event-matches.ts';
import type { FiringMatches } from './firing-matches.ts';
import { eventFields, MatchedAlerts, matchedOf, type ChosenEvent, type Matched } from './matched-alerts.ts';
import { OwnerSearches, type OwnerSearchesOptions } from './owner-searches.ts';
import { inSlices, Slices } from '../runtime/slices.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import type { TriggerObserver } from './ports.ts';
import { teamOf, type TeamTurns } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import { heldNow } from './why-not.ts';
import type { Target, TemplateData, Trigger } from './trigger.ts';

interface TriggerChooserOptions extends OwnerSearchesOptions, Pick<Runtime, 'schedule'> {
  readonly triggers: Pick<TriggerIndex, 'all' | 'get'>;
  readonly targets: TriggerTargets;
  readonly matches: Pick<EventMatches, 'ofTrigger'>;
  readonly firing: FiringMatches;
  readonly turns: TeamTurns;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  readonly inhibited: InhibitedAlerts;
  readonly observer: Pick<TriggerObserver, 'fired' | 'suppressed'>;
  /** Hears why a target of a trigger led to nothing. */
  readonly onProblem: (trigger: Trigger, problem: string) => void;
  /** Every object whose condition a trigger keeps. */
  readonly objects: () => readonly Request[];
}

/** An event, and which of its named alerts each trigger matches. */
export interface MatchedEvent extends ChosenEvent {
  readonly matched: Matched;
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

  /** The objects that are known at once. Works in slices. */
  async choose(event: MatchedEvent): Promise<readonly Choice[]> {
    const found = new FoundObjects(event.causes);
    const slices = new Slices(this.#options.schedule, 'triggers');
    for (const [trigger, matched] of this.#awake(event.matched, event)) {
      if (!isSlow(trigger)) this.#fire(trigger, matched, event);
      if (isInhibitable(trigger)) continue;
      await inSlices(
        this.#find(this.#awaited.keep(trigger, { ...event, causes: matched.causes }), matched, found),
        slices,
      );
    }
    return found.choices();
  }

  /** The teams for which {@link chooseLater} has something to do, besides all of them if the event does not name every alert. */
  teamsOf({ matched }: MatchedEvent): ReadonlySet<string> {
    return new Set([...[...matched.keys()].filter(isSlow).map(teamOf), ...this.#options.inhibited.teams]);
  }

  /**
   * The objects of a team's triggers that are known when it is known what fires; the searches for owners begin. Rejects if that
   * cannot be asked, or with the signal's reason.
   */
  async chooseLater(team: string, event: MatchedEvent, signal: AbortSignal): Promise<readonly Choice[]> {
    const { alerts, inhibited } = this.#options;
    const { causes, matched } = event;
    const found = new FoundObjects(causes);
    const isAsked = causes.incomplete || inhibited.teams.has(team) || [...matched.keys()].some(isInhibitable);
    const snapshot = isAsked ? await alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal) : undefined;
    // An event names a hundred alerts at most: the others are among those that fire.
    const unnamed = causes.incomplete && snapshot ? await this.#unnamed(team, event, snapshot.firing, signal) : [];
    const others = new Map(matched);
    for (const [trigger, more] of unnamed)
      if (isInhibitable(trigger)) for (const cause of more.all.values()) matchedOf(others, trigger, causes).add(cause);
    if (snapshot !== undefined) await this.#inhibit(team, others, event, snapshot.firing);
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
    return found.choices();
  }

  /** An alert that ended may be one that the event no longer names: whoever has a condition is looked at. */
  looks(causes: Causes): readonly Choice[] {
    const requests = this.#options.objects();
    const look = Causes.of('truncated', causes.lastSeen);
    return requests.length === 0 ? [] : [{ requests, causes: look, chosenBy: new Map() }];
  }

  /** What waited for the objects of targets, and can be chosen now. */
  takeAwaited(): readonly AwaitedChoice[] {
    return this.#awaited.take();
  }

  /** The objects of targets that were waited for, for the alerts that are named. */
  async chooseAwaited({ trigger, targets, event }: AwaitedChoice): Promise<readonly Choice[]> {
    const own = await this.#options.matches.ofTrigger(trigger, event.causes);
    const found = new FoundObjects(event.causes);
    const slices = new Slices(this.#options.schedule, 'triggers');
    for (const [, matched] of this.#awake(matchedBy(trigger, own), event))
      await inSlices(this.#find({ ...trigger, targets }, matched, found), slices);
    return found.choices();
  }

  /**
   * The objects that a trigger names for those of its alerts that fire. Rejects with the signal's reason.
   * @param status why they are looked at
   */
  async chooseFiring(
    trigger: Trigger,
    firing: FiringAlerts,
    {
      event,
      status,
      signal,
    }: { readonly event: ChosenEvent; readonly status: Cause['status']; readonly signal: AbortSignal },
  ): Promise<readonly Choice[]> {
    const all = new MatchedAlerts(event.causes);
    for (const alert of await this.#options.firing.of(firing, trigger, signal)) all.add(causeOf(alert, status, event));
    const matched = matchedBy(trigger, all);
    await this.#inhibit(teamOf(trigger), matched, event, firing);
    const own = matched.get(trigger) ?? new MatchedAlerts(event.causes);
    const found = new FoundObjects(event.causes);
    if (own.all.size > 0) await this.#findAll(trigger, own, { event, isWanted: true }, found);
    return found.choices();
  }

  /** True if a trigger chooses the object for these alerts, as far as that is known at once. */
  async stillChooses(trigger: Trigger, request: Request, causes: Causes): Promise<boolean> {
    const { matches, targets } = this.#options;
    const own = await matches.ofTrigger(trigger, causes);
    if (own.all.size === 0) return false;
    const found = new FoundObjects(causes);
    await inSlices(this.#find(trigger, own, found), new Slices(this.#options.schedule, 'triggers'));
    // Who owns a pod is not asked again.
    return found.has(request) || targets.mayLeadTo(trigger, request);
  }

  #awake(matched: Matched, event: ChosenEvent): readonly (readonly [Trigger, MatchedAlerts])[] {
    return [...matched].filter(([trigger, { all }]) => {
      const isAwake = heldNow(trigger, this.#options.clock.now()) !== 'suspended';
      if (!isAwake) this.#suppress(trigger, all.size, { ...eventFields(event), because: 'suspended' });
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

  /** The alerts that fire, that a team's triggers match, and that the event does not name. */
  async #unnamed(
    team: string,
    { causes, matched }: MatchedEvent,
    firing: FiringAlerts,
    signal: AbortSignal,
  ): Promise<Map<Trigger, MatchedAlerts>> {
    const { firing: matches, triggers, schedule } = this.#options;
    const slices = new Slices(schedule, 'triggers');
    const unnamed = new Map<Trigger, MatchedAlerts>();
    for (const trigger of [...triggers.all].filter((each) => teamOf(each) === team))
      for (const alert of await matches.of(firing, trigger, signal)) {
        if (slices.isOver) await slices.yieldTurn();
        const cause = causeOf(alert, 'firing', { causes });
        if (causes.alerts.has(cause.key) || matched.get(trigger)?.all.has(cause.key) === true) continue;
        matchedOf(unnamed, trigger, causes).add(cause);
      }
    return unnamed;
  }

  /** Takes out what is inhibited now, and adds what was and is no longer. */
  async #inhibit(
    team: string,
    matched: Map<Trigger, MatchedAlerts>,
    event: ChosenEvent,
    firing: FiringAlerts,
  ): Promise<void> {
    const { inhibited, triggers, turns } = this.#options;
    const ended = await turns.run(team, async (slices) => {
      for (const [trigger, { all }] of [...matched].filter(([each]) => isInhibitable(each))) {
        const awake = new MatchedAlerts(event.causes);
        for (const cause of all.values()) {
          if (!(await inhibited.keeps(trigger, cause, { firing, slices }))) awake.add(cause);
          if (slices.isOver) await slices.yieldTurn();
        }
        const count = all.size - awake.all.size;
        const fields = { ...eventFields(event), because: 'inhibited', source: inhibited.sourceOf(trigger.key) };
        if (count > 0) this.#suppress(trigger, count, fields);
        matched.set(trigger, awake);
      }
      return inhibited.ended(team, { firing, slices });
    });
    for (const [key, causes] of ended) {
      const trigger = triggers.get(key);
      if (trigger !== undefined) for (const cause of causes) matchedOf(matched, trigger, event.causes).add(cause);
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
    const ready = isWanted ? this.#awaited.keep(trigger, { ...event, causes: matched.causes }) : trigger;
    if (isWanted) for (const _ of this.#find(ready, matched, found)) if (slices.isOver) await slices.yieldTurn();
    for (const _ of this.#searchOwners(trigger, matched, event)) if (slices.isOver) await slices.yieldTurn();
  }

  *#find(trigger: Trigger, { causes, all }: MatchedAlerts, found: FoundObjects): Generator<void, void> {
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

  *#searchOwners(trigger: Trigger, { all }: MatchedAlerts, event: ChosenEvent): Generator<void, void> {
    const { targets } = this.#options;
    for (const target of targets.dynamicOf(trigger).filter(({ by }) => by === 'owner'))
      for (const cause of all.values()) {
        const result = targets.find(trigger, target, dataOf(cause));
        if ('owner' in result) this.#searches.add({ trigger, owner: result.owner, cause, event });
        yield;
      }
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

function matchedBy(trigger: Trigger, own: MatchedAlerts): Map<Trigger, MatchedAlerts> {
  return new Map(own.all.size === 0 ? [] : [[trigger, own]]);
}

function causeOf(alert: NamedAlert, status: Cause['status'], { causes }: Pick<ChosenEvent, 'causes'>): Cause {
  return new Cause(alert.key ?? labelKey(alert.labels), alert, status, causes.lastSeen);
}
