import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import type { Slices } from '../runtime/slices.ts';
import type { MatchResults } from './match-results.ts';
import { SharedWork, teamOf, type TeamTurns } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

interface FiringMatchesOptions {
  readonly triggers: Pick<TriggerIndex, 'filedUnder' | 'matches' | 'namespaceLabel' | 'placeOf'>;
  readonly results: MatchResults;
  readonly turns: TeamTurns;
}

type Alerts = readonly NamedAlert[];

/** What was found out for one moment. */
interface Moment {
  /** Of the triggers that cost little: of all that are filed under a namespace together. */
  readonly byNamespace: Map<string | undefined, SharedWork<ReadonlyMap<Trigger, Alerts>>>;
  /** Of the others: of each by itself. */
  readonly byTrigger: WeakMap<Trigger, SharedWork<Alerts>>;
}

/**
 * Which of the alerts that fire at one moment each trigger matches. Only the alerts of the trigger's own namespace are looked at,
 * only when somebody asks, and in the turns of its team: no other team waits for it.
 */
export class FiringMatches {
  readonly #options: FiringMatchesOptions;
  #moments = new WeakMap<FiringAlerts, Moment>();

  constructor(options: FiringMatchesOptions) {
    this.#options = options;
  }

  /** Call it when a trigger has changed. */
  forget(): void {
    this.#moments = new WeakMap();
  }

  /** The alerts that a trigger in force matches. Rejects with the signal's reason. */
  async of(firing: FiringAlerts, trigger: Trigger, signal: AbortSignal): Promise<Alerts> {
    const moment = this.#momentOf(firing);
    if (this.#options.results.isCostly(trigger)) {
      const tried = begun(moment.byTrigger, trigger, (stop) => this.#tryOne(firing, trigger, stop));
      return tried.wait(signal);
    }
    const { namespace } = this.#options.triggers.placeOf(trigger);
    const all = begun(moment.byNamespace, namespace, (stop) => this.#tryAll(firing, namespace, stop));
    return (await all.wait(signal)).get(trigger) ?? [];
  }

  #momentOf(firing: FiringAlerts): Moment {
    const known = this.#moments.get(firing);
    if (known !== undefined) return known;
    const moment: Moment = { byNamespace: new Map(), byTrigger: new WeakMap() };
    this.#moments.set(firing, moment);
    return moment;
  }

  async #tryOne(firing: FiringAlerts, trigger: Trigger, stop: AbortSignal): Promise<Alerts> {
    const { results, triggers, turns } = this.#options;
    const { namespace, alertname } = triggers.placeOf(trigger);
    const alerts = await this.#alertsIn(firing, namespace);
    return turns.run(teamOf(trigger), async (slices) => {
      const matching: NamedAlert[] = [];
      for (const alert of alerts) {
        if (slices.isOver) await pause(slices, stop);
        const isNamed = alertname === undefined || alert.alertname === alertname;
        if (isNamed && results.matches(trigger, alert)) matching.push(alert);
      }
      return matching;
    });
  }

  async #tryAll(
    firing: FiringAlerts,
    namespace: string | undefined,
    stop: AbortSignal,
  ): Promise<ReadonlyMap<Trigger, Alerts>> {
    const { results, triggers, turns } = this.#options;
    const alerts = await this.#alertsIn(firing, namespace);
    return turns.run(namespace ?? '/', async (slices) => {
      const matching = new Map<Trigger, NamedAlert[]>();
      for (const alert of alerts) {
        if (slices.isOver) await pause(slices, stop);
        const filed = triggers.filedUnder({ namespace, alertname: alert.alertname });
        const { labels } = filed.length === 0 ? { labels: {} } : alert;
        for (const trigger of filed)
          if (!results.isCostly(trigger) && triggers.matches(trigger, labels)) add(matching, trigger, alert);
      }
      return matching;
    });
  }

  async #alertsIn(firing: FiringAlerts, namespace: string | undefined): Promise<Alerts> {
    if (namespace === undefined) return firing.all;
    return (await firing.by(this.#options.triggers.namespaceLabel)).get(namespace) ?? [];
  }
}

/** The work that goes on or is done, or a new one. */
function begun<Key, T>(
  works: { get(key: Key): SharedWork<T> | undefined; set(key: Key, work: SharedWork<T>): unknown },
  key: Key,
  work: (stop: AbortSignal) => Promise<T>,
): SharedWork<T> {
  const known = works.get(key);
  if (known?.isGivenUp === false) return known;
  const anew = new SharedWork(work);
  works.set(key, anew);
  return anew;
}

/** Throws if nobody waits any more. */
async function pause(slices: Slices, stop: AbortSignal): Promise<void> {
  stop.throwIfAborted();
  await slices.yieldTurn();
  stop.throwIfAborted();
}

function add(matching: Map<Trigger, NamedAlert[]>, trigger: Trigger, alert: NamedAlert): void {
  const alerts = matching.get(trigger);
  if (alerts === undefined) matching.set(trigger, [alert]);
  else alerts.push(alert);
}
