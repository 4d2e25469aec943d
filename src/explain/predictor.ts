import { isResolved, receivedTimes, type Alert as StoredAlert, type PostableAlert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { isSameLabelText, labelSetOf, type LabelSet } from '../alert/labels.ts';
import { configurationNotGenerated, flowHealth, prepareFlowHealth, type Verdict } from '../health/flow-health.ts';
import type { Pipelines, Request } from '../reconcile/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { startDeadline } from '../runtime/deadline.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { ExplainLimits } from '../trigger/explain-triggers.ts';
import { concerns, silenceState, type Silence } from '../silence/silence.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import { isNotification } from '../cause/alert-cause.ts';
import { ownNotification } from './alert-effects.ts';
import { alertOfLabels } from './fact-fields.ts';
import { conditionOf } from './pipeline-reader.ts';
import { given } from './run-story.ts';
import type { Condition, PipelineName } from './schema.ts';
import type { TeamView } from './team-view.ts';
import type { Prediction, TriggerPrediction } from './schema-requests.ts';
import { byTriggers, objectName, triggerPrediction, wakesObjects, type LiveTriggers } from './trigger-predictions.ts';

export interface PredictorOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly store: AlertStore;
  readonly silences: () => Iterable<Silence>;
  readonly pipelines: Pick<Pipelines, 'list' | 'get'>;
  /** False if the pushed alerts decide themselves. */
  readonly asksPrometheus: () => boolean;
  /** The alerts that fire now. Rejects if that is unknown. */
  readonly firingNow: () => Promise<FiringAlerts>;
  readonly settings: () => PredictorSettings;
  readonly select: (labels: LabelSet, pipelines: readonly PipelineName[]) => readonly PipelineName[];
  readonly triggers: LiveTriggers;
}

export interface PredictorSettings {
  readonly select: 'all' | 'labels';
  readonly repeats: 'trigger' | 'ignore';
  /** `receiver.resolve_timeout`, milliseconds. */
  readonly resolveTimeoutMs: number;
}

/** The most alerts that are explained at once. */
export const maxExplained = 100;

/** The most pipelines that are named, and that are shown with their conditions, for all alerts of one question together. */
const maxRequests = 10_000;
const maxConditions = 1000;

/** The most triggers and objects of triggers that are named, and the most pods whose owners are asked for, likewise. */
const maxTriggers = 1000;
const maxObjects = 1000;
const maxOwners = 100;
/** Of a team's question: the API server is asked for the owners of everybody's pods at one rate. */
const maxOwnersOfTeam = 5;

/** The longest that a question waits for the owners of pods, milliseconds. */
const ownersTimeoutMs = 5000;

/** Each alert of a question has the same share of the limits. */
interface Shares {
  readonly requests: number;
  readonly conditions: number;
  readonly triggers: ExplainLimits;
}

type Firing = { readonly firing: FiringAlerts } | { readonly error: string };

/** Predicts the effects of alerts if they were posted. It changes nothing, wakes nothing, and affects no counter. */
export class Predictor {
  readonly #options: PredictorOptions;

  constructor(options: PredictorOptions) {
    this.#options = options;
  }

  /** @param view what the reader may see; default: all */
  async predict(alerts: readonly PostableAlert[], view?: TeamView): Promise<Prediction[]> {
    const firing = await this.#firing();
    const names = this.#options.pipelines.list().map(objectName);
    const deadline = startDeadline(this.#options.clock, ownersTimeoutMs, new AbortController().signal);
    const shares = sharesOf(alerts.length, view === undefined ? maxOwners : maxOwnersOfTeam);
    const question = { firing, names, shares, signal: deadline.signal, view };
    const predictions: Prediction[] = [];
    const slices = new Slices(this.#options.schedule, 'history');
    try {
      for (const alert of alerts) {
        if (slices.isOver) await slices.yieldTurn();
        predictions.push(await this.#one(alert, question));
      }
    } finally {
      deadline.end();
    }
    return predictions;
  }

  async #firing(): Promise<Firing> {
    try {
      return { firing: await this.#options.firingNow() };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #one(posted: PostableAlert, { firing, names, shares, signal, view }: Question): Promise<Prediction> {
    const { clock, settings, select, triggers: live } = this.#options;
    const rule = settings().select;
    const standing = await this.#standing(posted);
    const { problem, status, stored, silencedBy } = standing;
    const wakes = problem === undefined && silencedBy.length === 0 && !standing.ignored && !standing.isOwn;
    // The pipelines are the cluster owner's.
    const isDefault = live.isDefault && view === undefined;
    const requests = wakes && isDefault ? select(posted.labels, names) : [];
    const alert = { labels: posted.labels, annotations: labelSetOf(posted.annotations), now: clock.now() };
    const known = 'firing' in firing ? firing.firing : undefined;
    const explained = await live.explain({ alert, firing: known, limits: shares.triggers, signal, view });
    const triggers = explained.items.map(triggerPrediction);
    const shown = requests.slice(0, shares.conditions);
    return {
      alert: { ...alertOfLabels(posted.labels), status },
      valid: problem === undefined,
      ...given('problem', problem),
      ...given('merges_with', stored && { ...alertOfLabels(stored.labels), status: stored.announced }),
      silenced_by: silencedBy
        .filter((silence) => view?.showsSilence(silence) !== false)
        .map(({ id, createdBy, comment, endsAt }) => {
          return { id, created_by: createdBy, comment, ends_at: formatDateTime(endsAt) };
        }),
      wakes: requests.length > 0 || (wakes && triggers.some(wakesObjects)),
      because: because({ ...standing, requests: requests.length, rule, isDefault, triggers, view }),
      select: rule,
      default: live.isDefault,
      triggers,
      more_triggers: explained.more,
      requests: requests.slice(0, shares.requests),
      more_requests: Math.max(0, requests.length - shares.requests),
      pipelines: shown.length === 0 ? [] : await this.#conditions(shown, posted, status, firing),
      more_pipelines: requests.length - shown.length,
    };
  }

  /** What is known of the alert before anything is chosen for it. */
  async #standing(posted: PostableAlert): Promise<Standing> {
    const { clock, store, settings } = this.#options;
    const { resolveTimeoutMs, repeats } = settings();
    const now = clock.now();
    const times = receivedTimes(posted, now, resolveTimeoutMs);
    const problem = times.startsAt > times.endsAt ? 'start time must be before end time' : posted.invalid;
    const status = isResolved(times, now) ? 'resolved' : 'firing';
    const stored = problem === undefined ? store.find(posted.key, posted.keyHash) : undefined;
    const isRepeat =
      stored !== undefined && stored.announced === status && isSameLabelText(stored.annotations, posted.annotations);
    return {
      problem,
      status,
      stored,
      silencedBy: problem === undefined ? await this.#silencing(posted.labels, now) : [],
      ignored: isRepeat && repeats === 'ignore',
      isOwn: isNotification(posted.labels),
    };
  }

  /** Does not use the index, which counts matchers that could not decide. */
  async #silencing(labels: LabelSet, now: number): Promise<readonly Silence[]> {
    const slices = new Slices(this.#options.schedule, 'history');
    const found: Silence[] = [];
    for (const silence of this.#options.silences()) {
      if (silenceState(silence, now) === 'active' && concerns(silence, labels)) found.push(silence);
      if (slices.isOver) await slices.yieldTurn();
    }
    return found;
  }

  async #conditions(
    requests: readonly PipelineName[],
    posted: PostableAlert,
    status: 'firing' | 'resolved',
    firing: Firing,
  ): Promise<Prediction['pipelines']> {
    const [now, then] = await this.#both(posted, status, firing);
    const result: Prediction['pipelines'] = [];
    for (const name of requests) {
      const pipeline = this.#options.pipelines.get(name as Request);
      if (pipeline === undefined) continue;
      const condition = conditionOf(pipeline.conditions);
      try {
        const fixed = configurationNotGenerated(pipeline);
        if (now !== undefined) await prepareFlowHealth(pipeline, now);
        if (then !== undefined) await prepareFlowHealth(pipeline, then);
        const verdictOf = (alerts: FiringAlerts | undefined): Condition | undefined =>
          alerts === undefined ? undefined : conditionBy(fixed ?? flowHealth(pipeline, alerts));
        result.push({
          pipeline: name,
          ...given('condition', condition),
          ...given('if_firing', verdictOf(then)),
          ...given('as_prometheus_is', this.#options.asksPrometheus() ? verdictOf(now) : undefined),
          ...('error' in firing && { error: firing.error }),
        });
      } catch (error) {
        result.push({ pipeline: name, ...given('condition', condition), error: (error as Error).message });
      }
    }
    return result;
  }

  /** The alerts that fire, without the given alert and with it. */
  async #both(
    { labels }: PostableAlert,
    status: 'firing' | 'resolved',
    known: Firing,
  ): Promise<readonly [now: FiringAlerts | undefined, then: FiringAlerts | undefined]> {
    if (!('firing' in known)) return [undefined, undefined];
    if (status === 'resolved') return [known.firing, undefined];
    const slices = new Slices(this.#options.schedule, 'history');
    const then = new FiringAlerts(slices);
    let added = 0;
    for (const alert of known.firing.all) {
      then.add(alert);
      if (++added % 64 === 0 && slices.isOver) await slices.yieldTurn();
    }
    then.add({ labels, alertname: Object.hasOwn(labels, 'alertname') ? labels['alertname'] : undefined });
    return [known.firing, then];
  }
}

interface Standing {
  readonly problem: string | undefined;
  readonly status: 'firing' | 'resolved';
  readonly stored: StoredAlert | undefined;
  readonly silencedBy: readonly Silence[];
  readonly ignored: boolean;
  readonly isOwn: boolean;
}

interface Reasons extends Omit<Standing, 'status' | 'stored'> {
  readonly requests: number;
  readonly rule: 'all' | 'labels';
  readonly isDefault: boolean;
  readonly view: TeamView | undefined;
  readonly triggers: readonly TriggerPrediction[];
}

function because({ problem, isOwn, silencedBy, ignored, view, ...choice }: Reasons): string {
  if (problem !== undefined) return `it is not valid: ${problem}`;
  if (isOwn) return ownNotification;
  const [silence] = silencedBy;
  if (silence !== undefined)
    return view?.showsSilence(silence) === false
      ? 'a silence holds that is of more than your namespaces'
      : `the silence ${silence.id} of ${silence.createdBy} holds`;
  if (ignored) return 'it tells nothing new, and source.repeats is ignore';
  const reasons = [...byDefault(choice), ...byTriggers(choice.triggers)];
  if (reasons.length === 0 && view !== undefined) return 'no trigger of its namespace matches';
  return reasons.length > 0
    ? reasons.join('; ')
    : 'no trigger matches, and source.select does not hold (triggers.default)';
}

type ChoiceReasons = Pick<Reasons, 'requests' | 'rule' | 'isDefault'>;

function byDefault({ requests, rule, isDefault }: ChoiceReasons): readonly string[] {
  if (!isDefault) return [];
  if (requests === 0) return [`it concerns no pipeline that there is (source.select: ${rule})`];
  return [`it would have ${requests} ${requests === 1 ? 'pipeline' : 'pipelines'} looked at (source.select: ${rule})`];
}

function conditionBy({ condition: { status, reason, message } }: Verdict): Condition {
  return { status, reason, message };
}

interface Question {
  readonly firing: Firing;
  readonly names: readonly PipelineName[];
  readonly shares: Shares;
  /** Ends the questions for the owners of pods. */
  readonly signal: AbortSignal;
  readonly view: TeamView | undefined;
}

function sharesOf(alerts: number, ownersInAll: number): Shares {
  const shareOf = (limit: number): number => Math.ceil(limit / Math.max(1, alerts));
  const triggers = { triggers: shareOf(maxTriggers), objects: shareOf(maxObjects), owners: shareOf(ownersInAll) };
  return { requests: shareOf(maxRequests), conditions: shareOf(maxConditions), triggers };
}
