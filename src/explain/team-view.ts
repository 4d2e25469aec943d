import { AccessError, type Rights } from '../access/rights.ts';
import { namespaceOf, type Visible } from '../access/visible.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { Request } from '../reconcile/ports.ts';
import type { Silence } from '../silence/silence.ts';
import type { ExplainView } from '../trigger/explain-triggers.ts';
import type { Trigger } from '../trigger/trigger.ts';
import { given } from './run-story.ts';
import type { Run } from './schema.ts';
import type { BriefStatus, Status } from './schema-status.ts';
import { teamOfTrigger } from './visible-facts.ts';

/** What a team sees of an answer: what is of its namespaces, and nothing by which it could tell what else there is. */
export class TeamView implements ExplainView {
  readonly #alerts: Visible;
  readonly #silences: Visible;

  /** @param alerts the namespaces whose alerts it may see @param silences and whose silences */
  constructor(alerts: Visible, silences: Visible) {
    this.#alerts = alerts;
    this.#silences = silences;
  }

  /** Only an AlertTrigger belongs to a team: the other ones are those of the owner of the cluster. */
  showsTrigger({ origin, namespace }: Pick<Trigger, 'origin' | 'namespace'>): boolean {
    return origin === 'AlertTrigger' && this.#alerts.has(namespace);
  }

  /** @param key of a trigger */
  showsKey(key: string): boolean {
    return this.#alerts.has(teamOfTrigger(key));
  }

  showsObject({ namespace }: Pick<Request, 'namespace'>): boolean {
    return this.#alerts.has(namespace);
  }

  showsAlert(labels: LabelSet): boolean {
    return this.#alerts.shows(labels);
  }

  showsSilence(silence: Silence): boolean {
    return this.#silences.showsSilence(silence);
  }
}

/** What it may see that occurs in these namespaces; undefined: everything. Rejects with AccessError if nobody can tell. */
export async function viewOf(rights: Rights, namespaces: Iterable<string>): Promise<TeamView | undefined> {
  const names = [...namespaces];
  const alerts = await rights.visible('get', 'alerts', () => names);
  if (alerts === undefined) return undefined;
  return new TeamView(alerts, (await rights.visible('get', 'silences', () => names)) ?? alerts);
}

/** Rejects with AccessError unless it may see the alerts of the namespace of each of these, and each has one. */
export async function requireAlerts(
  rights: Rights,
  alerts: readonly { readonly labels: LabelSet }[],
): Promise<readonly string[]> {
  const label = rights.namespaceLabel;
  const namespaces = alerts.map(({ labels }) => namespaceOf(labels, label));
  const named = [...new Set(namespaces.filter((namespace) => namespace !== undefined))];
  if (named.length > 0) await rights.require('get', 'alerts', named);
  if (!namespaces.includes(undefined)) return named;
  throw new AccessError(
    403,
    `an alert has no label ${label}, by which it would be of a namespace: only who may get alerts.tocsin.dev in every namespace may ask about it`,
  );
}

/** The reasons of a condition that name no alert. */
const reasonsOfNoAlert: ReadonlySet<string> = new Set(['', 'NoAlerts', 'AlertsUnknown', 'ConditionRemoved']);

/**
 * A run of an object of its namespace, with the causes that it may see. What counts or names what may be of others is left out: who
 * sent an alert and with what, what fires, and a condition that another one's alert decided.
 */
export function runForTeam(run: Run, view: TeamView): Run {
  const { transition, error, decided_because: because, prometheus: _query, more_request_ids: _more, ...kept } = run;
  const isOwn = isDecidedByOwn(run, view);
  return {
    ...withOwnTriggers(kept, view),
    causes: run.causes.filter(({ labels }) => view.showsAlert(labels)),
    more_causes: 0,
    request_ids: [],
    event_ids: [],
    decided_by: isOwn ? run.decided_by : [],
    ...(isOwn && given('decided_because', because)),
    ...(isOwn && transition !== undefined && { transition: withoutPast(transition) }),
    // The error of a query names the servers of the cluster's owner.
    ...(run.because !== 'prometheus_failed' && given('error', error)),
  };
}

function isDecidedByOwn({ decided_by: alerts, decided_by_triggers: keys = [] }: Run, view: TeamView): boolean {
  return alerts.every(({ labels }) => view.showsAlert(labels)) && keys.every((key) => view.showsKey(key));
}

function withOwnTriggers(run: Run, view: TeamView): Run {
  const { chosen_by: chosen, decided_by_triggers: deciding, throttled_by: throttled, actions, ...rest } = run;
  const { throttled_until: until, ...kept } = rest;
  const own = (keys: readonly string[] = []): string[] => keys.filter((key) => view.showsKey(key));
  const acts = (actions ?? []).filter(({ trigger }) => view.showsKey(trigger));
  const [choosers, deciders, waiting] = [own(chosen), own(deciding), own(throttled)];
  return {
    ...kept,
    ...(choosers.length > 0 && { chosen_by: choosers }),
    ...(deciders.length > 0 && isDecidedByOwn(run, view) && { decided_by_triggers: deciders }),
    ...(acts.length > 0 && { actions: acts }),
    ...(waiting.length > 0 && { throttled_by: waiting, ...given('throttled_until', until) }),
  };
}

/** The reason before may be the name of an alert of somebody else. */
function withoutPast(transition: NonNullable<Run['transition']>): NonNullable<Run['transition']> {
  return reasonsOfNoAlert.has(transition.from_reason) ? transition : { ...transition, from_reason: '' };
}

/** Runs of an object of this namespace, as the sender may see them. Rejects with AccessError if nobody can tell. */
export async function runsForSender(
  rights: Rights,
  runs: readonly Run[],
  namespace: string | undefined,
): Promise<readonly Run[]> {
  const view = await viewOf(rights, namespacesOfRuns(runs, namespace, rights.namespaceLabel));
  return view === undefined ? runs : runs.map((run) => runForTeam(run, view));
}

/** What a team may know of Tocsin itself. */
export function briefly({ version, time, not_ready: notReady, history }: Status): BriefStatus {
  const { retention_seconds: retention } = history;
  const whyNot = notReady === undefined ? {} : { not_ready: 'it is not ready yet' };
  return { version, time, ...whyNot, history: { retention_seconds: retention } };
}

function namespacesOfRuns(runs: readonly Run[], own: string | undefined, label: string): ReadonlySet<string> {
  const alerts = runs.flatMap(({ causes, decided_by: deciding }) => [...causes, ...deciding]);
  const keys = runs.flatMap((run) => [
    ...(run.chosen_by ?? []),
    ...(run.decided_by_triggers ?? []),
    ...(run.throttled_by ?? []),
    ...(run.actions ?? []).map(({ trigger }) => trigger),
  ]);
  const found = [own, ...alerts.map(({ labels }) => namespaceOf(labels, label)), ...keys.map(teamOfTrigger)];
  return new Set(found.filter((namespace) => namespace !== undefined));
}
