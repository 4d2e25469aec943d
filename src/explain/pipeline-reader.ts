import { isResolved, type Alert as StoredAlert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import type { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { alertsByReason, prepareFlowHealth } from '../health/flow-health.ts';
import type { History } from '../history/history.ts';
import { pipelineKey } from '../history/look-filter.ts';
import { requestKey, type Condition as StoredCondition, type Pipelines, type Request } from '../reconcile/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { Silencing } from '../silence/silences.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import type { KeptObject } from '../trigger/explain-triggers.ts';
import { alertOfLabels } from './fact-fields.ts';
import type { RunReader } from './run-reader.ts';
import { given } from './run-story.ts';
import type { Condition, Pipeline, PipelineName, Run } from './schema.ts';
import { runForTeam, type TeamView } from './team-view.ts';
import type { LiveTriggers } from './trigger-predictions.ts';

export interface PipelineReaderOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly history: History;
  readonly runs: RunReader;
  readonly pipelines: Pick<Pipelines, 'list' | 'get'>;
  readonly store: AlertStore;
  readonly silencing: Silencing;
  /** The alerts last known to fire; undefined if nothing is known yet. */
  readonly latestFiring: () => Promise<FiringAlerts | undefined>;
  /** The time of the next look at every pipeline, milliseconds; undefined: never. */
  readonly nextResyncAt: () => number | undefined;
  readonly select: (labels: LabelSet, pipelines: readonly PipelineName[]) => readonly PipelineName[];
  readonly triggers: LiveTriggers;
}

/** How many of its causes the last run names in the list: with all, 1,000 pipelines in a storm are 15 MB. */
const namedCauses = 3;

/** The most silenced alerts that are checked for the pipelines that they would have woken. */
const maxPausing = 1000;

interface PipelinePage {
  readonly items: Pipeline[];
  readonly next?: string;
}

/** Every pipeline in its current state, and every object whose conditions triggers keep. */
export class PipelineReader {
  readonly #options: PipelineReaderOptions;

  constructor(options: PipelineReaderOptions) {
    this.#options = options;
  }

  /** The namespaces of all that is listed. */
  get namespaces(): readonly string[] {
    const names = this.#options.triggers.kept.map(({ request }) => request.namespace);
    return [...new Set(names.filter((namespace) => namespace !== undefined))];
  }

  /**
   * The pipelines in the order of their keys.
   * @param after the last key of the page before
   * @param view what the reader may see; default: all
   */
  async list(limit: number, after = '', view?: TeamView): Promise<PipelinePage> {
    const { runs, pipelines, latestFiring, triggers } = this.#options;
    const kept = new Map(triggers.kept.map((object) => [requestKey(object.request), object]));
    const all = new Map([...kept].map(([key, { request }]) => [key, request]));
    for (const request of pipelines.list()) all.set(requestKey(request), request);
    const rest = [...all]
      .filter(([key, request]) => key > after && view?.showsObject(request) !== false)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const page = rest.slice(0, limit).map(([, request]) => request);
    const lastRuns = await runs.lastRuns(page, pipelineKey);
    const firing = await latestFiring();
    const pausing = await this.#pausing();
    const items: Pipeline[] = [];
    const slices = new Slices(this.#options.schedule, 'history');
    for (const request of page) {
      if (slices.isOver) await slices.yieldTurn();
      const found = lastRuns.get(pipelineKey(request));
      const last = found && view !== undefined ? runForTeam(found, view) : found;
      const object = pipelines.get(request) === undefined ? kept.get(requestKey(request)) : undefined;
      const item =
        object === undefined
          ? await this.#pipeline(request, firing, pausing)
          : { ...keptObject(object, last, view), ...given('next_look', this.#nextLook(request)) };
      items.push({ ...item, ...given('last_run', last && withFewCauses(last)) });
    }
    return rest.length > limit ? { items, next: rest[limit - 1]![0] } : { items };
  }

  async #pipeline(request: Request, firing: FiringAlerts | undefined, pausing: readonly Pausing[]): Promise<Pipeline> {
    const pipeline = this.#options.pipelines.get(request);
    if (pipeline !== undefined && firing !== undefined) await prepareFlowHealth(pipeline, firing);
    const alerts = pipeline === undefined || firing === undefined ? [] : [...alertsByReason(pipeline, firing).values()];
    const { kind, group, namespace, name } = request;
    const paused = pausing.filter(({ labels }) => this.#options.select(labels, [request]).length > 0);
    return {
      kind,
      ...given('group', group),
      ...given('namespace', namespace),
      name,
      ...given('condition', conditionOf(pipeline?.conditions ?? [])),
      firing: alerts.map((labels) => ({ ...alertOfLabels(labels), status: 'firing' as const })),
      paused_by: [...new Set(paused.flatMap(({ silences }) => silences))],
      ...given('next_look', this.#nextLook(request)),
    };
  }

  #nextLook(request: Request): Pipeline['next_look'] {
    const resyncAt = this.#options.nextResyncAt();
    const last = this.#options.history.lastLook(pipelineKey(request));
    const ownAt = last?.againInMs === undefined ? undefined : last.endedAt + last.againInMs;
    if (ownAt !== undefined && (resyncAt === undefined || ownAt <= resyncAt))
      return { at: formatDateTime(ownAt), why: last!.why };
    return resyncAt === undefined ? undefined : { at: formatDateTime(resyncAt), why: 'resync' };
  }

  /** The alerts that fire, and that a silence keeps from waking a run. */
  async #pausing(): Promise<readonly Pausing[]> {
    const { clock, schedule, store, silencing } = this.#options;
    const slices = new Slices(schedule, 'history');
    const found: Pausing[] = [];
    for (const alert of store.all()) {
      if (found.length === maxPausing) break;
      const silences = isResolved(alert.times, clock.now()) ? [] : silencesOf(alert, silencing, clock.now());
      if (silences.length > 0) found.push({ labels: alert.labels, silences });
      if (slices.isOver) await slices.yieldTurn();
    }
    return found;
  }
}

/** An object that is no pipeline, with the worst of the conditions that triggers keep there. */
function keptObject({ request, conditions }: KeptObject, last: Run | undefined, view: TeamView | undefined): Pipeline {
  const { kind, group, namespace, name } = request;
  const worst = conditions.toSorted((a, b) => badness.indexOf(a.status) - badness.indexOf(b.status))[0];
  const shown = worst && conditionOf([worst], worst.type);
  // A team may not see the alert by which another one's trigger decided.
  const isHidden = view !== undefined && shown?.status === 'False' && (last?.decided_by ?? []).length === 0;
  const condition = shown && { ...shown, type: worst.type, ...(isHidden && { reason: '', message: '' }) };
  const deciding = shown?.status === 'False' ? (last?.decided_by ?? []) : [];
  return {
    kind,
    ...given('group', group),
    ...given('namespace', namespace),
    name,
    ...given('condition', condition),
    firing: deciding.map((alert) => ({ ...alert, status: 'firing' as const })),
    paused_by: [],
  };
}

/** The worst first. */
const badness: readonly string[] = ['False', 'Unknown', 'True'];

function withFewCauses(run: Run): Run {
  const causes = run.causes.slice(-namedCauses);
  const left = run.causes.slice(0, -namedCauses).reduce((sum, { count }) => sum + count, 0);
  return { ...run, causes, more_causes: run.more_causes + left };
}

interface Pausing {
  readonly labels: LabelSet;
  readonly silences: readonly string[];
}

function silencesOf(alert: StoredAlert, silencing: Silencing, now: number): readonly string[] {
  return silencing(alert, now).map(({ id }) => id);
}

/** The condition that Tocsin maintains. */
export function conditionOf(
  conditions: readonly StoredCondition[],
  wanted = 'TelemetryFlowHealthy',
): Condition | undefined {
  const condition = conditions.find(({ type }) => type === wanted);
  if (condition === undefined) return undefined;
  const { status, reason, message, lastTransitionTime } = condition;
  const since = Date.parse(lastTransitionTime);
  return { status, reason, message, ...given('since', Number.isNaN(since) ? undefined : formatDateTime(since)) };
}
