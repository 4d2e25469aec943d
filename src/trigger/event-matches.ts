import type { NamedAlert } from '../alert/firing-alerts.ts';
import type { Cause } from '../cause/cause.ts';
import type { Causes } from '../cause/causes.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sliceMs, Slices, type SliceSchedule } from '../runtime/slices.ts';
import { emptyLike, MatchedAlerts, matchedOf, type ChosenEvent, type Matched } from './matched-alerts.ts';
import { FiringMatches } from './firing-matches.ts';
import { MatchResults } from './match-results.ts';
import { teamOf, TeamTurns } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

/** The longest time that an event waits for expressions to be tried, milliseconds. What is not tried by then comes later. */
const patienceMs = 50;

/** All that says which triggers match which alerts. */
export interface TriggerMatching {
  readonly results: MatchResults;
  readonly turns: TeamTurns;
  /** Of an event. */
  readonly matches: EventMatches;
  /** Of what fires. */
  readonly firing: FiringMatches;
}

export function createMatching(options: Runtime & { readonly triggers: TriggerIndex }): TriggerMatching {
  const turns = new TeamTurns(options.schedule);
  const results = new MatchResults(options);
  const parts = { ...options, results, turns };
  return { results, turns, matches: new EventMatches(parts), firing: new FiringMatches(parts) };
}

interface EventMatchesOptions {
  readonly triggers: Pick<TriggerIndex, 'candidates' | 'matches'>;
  readonly results: MatchResults;
  readonly turns: TeamTurns;
  readonly schedule: SliceSchedule;
}

export interface FirstMatches {
  readonly matched: Matched;
  /** The alerts of teams whose expressions take longer, by team: {@link EventMatches.ofTeam} tries them. */
  readonly behind: ReadonlyMap<string, Causes>;
}

/** The expressions of one team that have to be tried on alerts of an event. */
type Untried = Map<Trigger, Cause[]>;

/**
 * Which triggers match the alerts that an event names. Most triggers are tried in no time. The large expressions of a team get one
 * slice; what takes longer is tried in the turns of the team, so that no other team waits for it.
 */
export class EventMatches {
  readonly #options: EventMatchesOptions;

  constructor(options: EventMatchesOptions) {
    this.#options = options;
  }

  /** A team is matched now or later as far as its large expressions go: none of its triggers is woken twice by an event. */
  async first(causes: Causes): Promise<FirstMatches> {
    const { schedule, turns } = this.#options;
    const startedAt = schedule.clock.now();
    const slices = new Slices(schedule, 'triggers');
    const matched = new Map<Trigger, MatchedAlerts>();
    const byTeam = await this.#tryCheap(causes, matched, slices);
    const behind = new Map<string, Causes>();
    for (const [team, untried] of byTeam) {
      if (slices.isOver) await slices.yieldTurn();
      const isLate = turns.isBusy(team) || schedule.clock.now() - startedAt >= patienceMs;
      const found = this.#tryFor(isLate ? 0 : sliceMs, untried, causes);
      if (found === undefined) behind.set(team, causesOf(untried, causes));
      else for (const [trigger, alerts] of found) matched.set(trigger, alerts);
    }
    return { matched, behind };
  }

  /** Tries the large expressions of a team, when it is its turn. @param take gives the event when the turn has come */
  ofTeam(team: string, take: () => ChosenEvent): Promise<{ readonly event: ChosenEvent; readonly matched: Matched }> {
    const { results, triggers, turns } = this.#options;
    return turns.run(team, async (slices) => {
      const event = take();
      const matched = new Map<Trigger, MatchedAlerts>();
      for (const cause of event.causes.alerts.values())
        for (const trigger of triggers.candidates(cause.labels)) {
          if (slices.isOver) await slices.yieldTurn();
          if (teamOf(trigger) !== team || !results.isCostly(trigger)) continue;
          if (results.matches(trigger, alertOf(cause))) matchedOf(matched, trigger, event.causes).add(cause);
        }
      return { event, matched };
    });
  }

  /** The alerts that one trigger matches. */
  ofTrigger(trigger: Trigger, causes: Causes): Promise<MatchedAlerts> {
    return this.#options.turns.run(teamOf(trigger), async (slices) => {
      const matched = new MatchedAlerts(causes);
      for (const cause of causes.alerts.values()) {
        if (slices.isOver) await slices.yieldTurn();
        if (this.#options.results.matches(trigger, alertOf(cause))) matched.add(cause);
      }
      return matched;
    });
  }

  /** @returns what is costly, and has to be tried */
  async #tryCheap(
    causes: Causes,
    matched: Map<Trigger, MatchedAlerts>,
    slices: Slices,
  ): Promise<ReadonlyMap<string, Untried>> {
    const { results, triggers } = this.#options;
    const byTeam = new Map<string, Untried>();
    for (const cause of causes.alerts.values())
      for (const trigger of triggers.candidates(cause.labels)) {
        if (slices.isOver) await slices.yieldTurn();
        if (results.isCostly(trigger)) addTo(byTeam, trigger, cause);
        else if (triggers.matches(trigger, cause.labels)) matchedOf(matched, trigger, causes).add(cause);
      }
    return byTeam;
  }

  /** Undefined if that takes longer. */
  #tryFor(limitMs: number, untried: Untried, event: Causes): Matched | undefined {
    const { results, schedule } = this.#options;
    const endAt = schedule.clock.now() + limitMs;
    const matched = new Map<Trigger, MatchedAlerts>();
    for (const [trigger, causes] of untried)
      for (const cause of causes) {
        const alert = alertOf(cause);
        if (results.known(trigger, alert) === undefined && schedule.clock.now() >= endAt) return undefined;
        if (results.matches(trigger, alert)) matchedOf(matched, trigger, event).add(cause);
      }
    return matched;
  }
}

function addTo(byTeam: Map<string, Untried>, trigger: Trigger, cause: Cause): void {
  const team = teamOf(trigger);
  const untried: Untried = byTeam.get(team) ?? new Map();
  byTeam.set(team, untried);
  const causes = untried.get(trigger);
  if (causes === undefined) untried.set(trigger, [cause]);
  else causes.push(cause);
}

function causesOf(untried: Untried, event: Causes): Causes {
  const causes = emptyLike(event);
  for (const cause of new Set([...untried.values()].flat())) causes.addCause(cause);
  return causes;
}

function alertOf({ key, labels }: Cause): NamedAlert {
  return { alertname: labels['alertname'], key, labels };
}
