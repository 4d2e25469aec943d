import { Causes } from '../cause/causes.ts';
import type { AlertSource, Choice } from '../reconcile/ports.ts';
import { startDeadline } from '../runtime/deadline.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Attempts } from './attempts.ts';
import type { EventMatches } from './event-matches.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import { joinedEvent, matchedOf, type ChosenEvent, type Matched, type MatchedAlerts } from './matched-alerts.ts';
import { teamOf } from './team-turns.ts';
import type { MatchedEvent, TriggerChooser } from './trigger-chooser.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

/** While alerts are inhibited, how often it is looked at whether that has ended without an event, milliseconds. */
const inhibitionLookMs = 15_000;

/** The longest time to find out what the alerts of an event wake, milliseconds; then it begins anew. */
const answerDeadlineMs = 120_000;

interface EventChoicesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly triggers: Pick<TriggerIndex, 'all' | 'size' | 'namespaceLabel' | 'placeOf'>;
  readonly chooser: TriggerChooser;
  readonly matches: EventMatches;
  readonly inhibited: Pick<InhibitedAlerts, 'size'>;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  readonly newEventId: () => string;
  /** Enqueues objects that were chosen, and logs it. */
  readonly wake: (choices: readonly Choice[], event: ChosenEvent) => Promise<void>;
}

/**
 * What an event wakes. What is known at once is chosen at once; what has to be tried for long, or needs an answer from outside, comes
 * later and is done for each team by itself, so that no team waits for another one. Of the events that wait for a team, one is made.
 */
export class EventChoices {
  readonly #options: EventChoicesOptions;
  readonly #attempts: Attempts;
  /** The events whose alerts have to be tried, by team. */
  readonly #untried = new Map<string, ChosenEvent>();
  /** The events that need to know what fires, by team, and the one that does not name all alerts. */
  readonly #waiting = new Map<string, MatchedEvent>();
  readonly #last = new Map<string, Promise<void>>();

  constructor(options: EventChoicesOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options);
  }

  /** The objects that are known at once; the others are woken when they are. */
  async choose(event: ChosenEvent): Promise<readonly Choice[]> {
    const { matched, behind } = await this.#options.matches.first(event.causes);
    for (const [team, causes] of behind) this.#tryLater(team, { id: event.id, causes });
    const choices = await this.#options.chooser.choose({ ...event, matched });
    this.#later({ ...event, matched });
    return choices;
  }

  /** Ends the timers, and settles when nothing is under way. */
  async close(): Promise<void> {
    this.#attempts.close();
    this.#untried.clear();
    await Promise.all(this.#last.values());
  }

  #tryLater(team: string, event: ChosenEvent): void {
    const waiting = this.#untried.get(team);
    this.#untried.set(team, waiting === undefined ? event : unionOf(waiting, event));
    if (waiting === undefined) void this.#attempts.attempt(`try ${team} ${event.id}`, () => this.#try(team));
  }

  async #try(team: string): Promise<void> {
    const { chooser, matches, wake } = this.#options;
    const take = (): ChosenEvent => {
      const event = this.#untried.get(team) ?? { id: '', causes: new Causes() };
      this.#untried.delete(team);
      return event;
    };
    const { event, matched } = await matches.ofTeam(team, take);
    if (matched.size === 0 || this.#attempts.signal.aborted) return;
    const choices = await chooser.choose({ ...event, matched });
    if (choices.length > 0) await wake(choices, event);
    this.#later({ ...event, matched });
  }

  #later(event: MatchedEvent): void {
    const { chooser, inhibited } = this.#options;
    if (event.causes.incomplete) return this.#queue(everyTeam, event, () => this.#spread());
    for (const team of chooser.teamsOf(event)) this.#queue(team, partOf(team, event), () => this.#chooseLater(team));
    if (inhibited.size > 0) this.#watchInhibitions();
  }

  /** Of an event that does not name all alerts, every team is asked that has one that fires. */
  async #spread(): Promise<void> {
    const { alerts, chooser, clock, triggers, wake } = this.#options;
    const event = this.#take(everyTeam);
    if (event === undefined) return;
    const { causes } = event;
    const deadline = startDeadline(clock, answerDeadlineMs, this.#attempts.signal);
    const spread = async (): Promise<void> => {
      const { firing } = await alerts.snapshot(causes.lastSeen, [...causes.requestIds], deadline.signal);
      const byNamespace = await firing.by(triggers.namespaceLabel);
      const teams = new Set(chooser.teamsOf(event));
      for (const trigger of triggers.all) {
        const { namespace } = triggers.placeOf(trigger);
        if (namespace === undefined || byNamespace.has(namespace)) teams.add(teamOf(trigger));
      }
      for (const team of teams) this.#queue(team, partOf(team, event), () => this.#chooseLater(team));
      const looks = chooser.looks(causes);
      if (looks.length > 0) await wake(looks, event);
    };
    // By its own name: the failure of another event must not take the place of its retry.
    await this.#attempts.attempt(
      `spread ${event.id}`,
      () => spread().finally(() => deadline.end()),
      () => this.#later(event),
    );
  }

  async #chooseLater(team: string): Promise<void> {
    const { chooser, clock, wake } = this.#options;
    const event = this.#take(team);
    if (event === undefined) return;
    const choose = async (): Promise<void> => {
      const deadline = startDeadline(clock, answerDeadlineMs, this.#attempts.signal);
      const choices = await chooser.chooseLater(team, event, deadline.signal).finally(() => deadline.end());
      if (choices.length > 0) await wake(choices, event);
    };
    const again = (): void => this.#queue(team, event, () => this.#chooseLater(team));
    await this.#attempts.attempt(`later ${team} ${event.id}`, choose, again);
    this.#watchInhibitions();
  }

  #take(team: string): MatchedEvent | undefined {
    const event = this.#waiting.get(team);
    this.#waiting.delete(team);
    return this.#attempts.signal.aborted ? undefined : event;
  }

  /** Does the work for a team after what it has to do before. An event that waits already is joined. */
  #queue(team: string, event: MatchedEvent, work: () => Promise<void>): void {
    if (this.#attempts.signal.aborted) return;
    const waiting = this.#waiting.get(team);
    if (waiting !== undefined) {
      this.#waiting.set(team, { ...unionOf(waiting, event), matched: joined(waiting, event) });
      return;
    }
    this.#waiting.set(team, event);
    const last = (this.#last.get(team) ?? Promise.resolve()).then(work).finally(() => {
      if (this.#last.get(team) === last) this.#last.delete(team);
    });
    this.#last.set(team, last);
  }

  /** Mostly the end of the alert that inhibits is an event itself. */
  #watchInhibitions(): void {
    const { clock, inhibited, newEventId } = this.#options;
    if (inhibited.size === 0) return this.#attempts.cancel('inhibitions');
    if (this.#attempts.has('inhibitions')) return;
    this.#attempts.setTimer('inhibitions', inhibitionLookMs, () => {
      const causes = new Causes();
      causes.lastSeen = clock.now();
      this.#later({ id: newEventId(), causes, matched: new Map() });
    });
  }
}

/** Stands for all of them; no namespace is called so. */
const everyTeam = '*';

function unionOf(waiting: ChosenEvent, event: ChosenEvent): ChosenEvent {
  return { ...joinedEvent(waiting, event), causes: Causes.union(waiting.causes, event.causes) };
}

function partOf(team: string, event: MatchedEvent): MatchedEvent {
  return { ...event, matched: new Map([...event.matched].filter(([trigger]) => teamOf(trigger) === team)) };
}

function joined(waiting: MatchedEvent, event: MatchedEvent): Matched {
  const all = new Map<Trigger, MatchedAlerts>();
  for (const { matched, causes } of [waiting, event])
    for (const [trigger, { all: alerts }] of matched)
      for (const cause of alerts.values()) matchedOf(all, trigger, causes).add(cause);
  return all;
}
