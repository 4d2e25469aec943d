import { describeBriefly, type Causes } from '../../cause/causes.ts';
import {
  kindName,
  decidedBy,
  type Action,
  type Run,
  type Result,
  type AlertSnapshot,
  type AlertSource,
  type LoadedRules,
  type Pipeline,
  type Condition,
  type Pipelines,
  type TransitionRecorder,
  type ConditionTransition,
  type Decision,
  type VerdictObserver,
} from '../../reconcile/ports.ts';
import {
  configurationNotGenerated,
  flowHealth,
  alertsByReason,
  prepareFlowHealth,
  probingFailed,
  setCondition,
  unguarded,
  type Verdict,
  type ConditionUpdate,
  type DesiredCondition,
  flavourOf,
} from '../../health/flow-health.ts';
import { SnapshotError } from '../../reconcile/errors.ts';
import type { VerdictHolder } from './verdict-holder.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import type { Runtime } from '../../runtime/runtime.ts';

type MayReplace = (present: Condition) => boolean;

/** Applies a desired condition: one implementation writes it, the other only logs it. */
export interface ConditionApplier {
  /**
   * Returns true if the pipeline's condition differed.
   * @param mayReplace whether an entry of the type may be overwritten. Default: yes
   */
  apply(run: Run, verdict: Verdict, mayReplace?: MayReplace): Promise<boolean>;
}

interface FlowHealthActionOptions {
  readonly alerts: AlertSource;
  readonly conditions: ConditionApplier;
  readonly verdicts?: Pick<VerdictObserver, 'reached'> | undefined;
  /** The rules without which a pipeline is not healthy; undefined if `prometheus.require_rules` is false. */
  readonly requiredRules: () => LoadedRules | undefined;
  readonly holder: Pick<VerdictHolder, 'decide' | 'becomesUnknown'>;
  /** `controller.requeue_after`, milliseconds. */
  readonly requeueAfterMs: number;
}

/** Finds out what fires now, decides the pipeline's condition, and has it applied. */
export class FlowHealthAction implements Action {
  readonly #options: FlowHealthActionOptions;
  /** The runs of an event share its causes, and nearly always an answer. */
  readonly #missing = new WeakMap<
    Causes,
    { readonly firing: AlertSnapshot['firing']; readonly names: Promise<readonly string[]> }
  >();

  constructor(options: FlowHealthActionOptions) {
    this.#options = options;
  }

  /**
   * The causes only determine how fresh the answer has to be, and what the log says. Rejects with SnapshotError if the alerts are
   * not available; the condition is Unknown by then, unless the failure may be over in a moment and there is a condition that can
   * stay. Also rejects with any error of the home of the pipelines when it cannot write.
   */
  async perform(run: Run): Promise<Result> {
    // The configuration allows such a kind for the action log, which then shows the pipelines that an alert would wake.
    if (flavourOf(run.pipeline) === undefined) return { outcome: 'unchanged', hasNoRule: true, notInPrometheus: [] };
    const notGenerated = configurationNotGenerated(run.pipeline);
    if (notGenerated !== undefined) return this.#apply(run, notGenerated);
    const snapshot = await this.#snapshot(run);
    await prepareFlowHealth(run.pipeline, snapshot.firing);
    const answered = flowHealth(run.pipeline, snapshot.firing);
    const { verdict, held } = await this.#options.holder.decide(run, answered, snapshot);
    const result = await this.#apply(run, await this.#guarded(run, verdict));
    return {
      ...result,
      ...(held !== undefined && { heldForMs: held.forMs, requeueAfterMs: held.lookAgainMs }),
      ...(snapshot.queryId !== undefined && { queryId: snapshot.queryId }),
      notInPrometheus: await this.#missingOf(run.causes, snapshot),
    };
  }

  /** No alert fires: that says something only if one could. */
  async #guarded({ pipeline, signal }: Run, verdict: Verdict): Promise<Verdict> {
    const rules = this.#options.requiredRules();
    if (rules === undefined || verdict.condition.status !== 'True') return verdict;
    const loaded = await rules.asAlerts(signal);
    if (loaded === undefined) return unguarded(pipeline, false);
    return alertsByReason(pipeline, loaded).size > 0 ? verdict : unguarded(pipeline, true);
  }

  async #snapshot(run: Run): Promise<AlertSnapshot> {
    const { pipeline, causes, signal } = run;
    try {
      return await this.#options.alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal);
    } catch (error) {
      const isKept = error instanceof SnapshotError && !error.isLasting && hasVerdict(pipeline);
      if (error instanceof SnapshotError && !isKept) await this.#becomeUnknown(run, error);
      throw error;
    }
  }

  async #becomeUnknown(run: Run, error: SnapshotError): Promise<void> {
    this.#options.holder.becomesUnknown(run.pipeline);
    await this.#apply(run, probingFailed(run.pipeline, error));
  }

  async #apply(run: Run, verdict: Verdict): Promise<Result> {
    const { conditions, requeueAfterMs, verdicts } = this.#options;
    const healthy = verdict.condition.status === 'True';
    // Before the write, which may fail: the verdict holds all the same.
    verdicts?.reached(run.request, verdict.condition, verdict.decision);
    const changed = await conditions.apply(run, verdict);
    return {
      outcome: changed ? 'changed' : 'unchanged',
      ...(!healthy && { requeueAfterMs }),
      decision: verdict.decision,
      notInPrometheus: [],
    };
  }

  /** Answers the question why a test alert changed no condition. */
  #missingOf(causes: Causes, { firing }: AlertSnapshot): Promise<readonly string[]> | readonly string[] {
    if (!this.#options.alerts.pulls) return [];
    const known = this.#missing.get(causes);
    if (known?.firing === firing) return known.names;
    const names = missingIn(firing, causes);
    this.#missing.set(causes, { firing, names });
    return names;
  }
}

/** The names of the alerts among the causes that do not fire. */
async function missingIn(firing: AlertSnapshot['firing'], causes: Causes): Promise<readonly string[]> {
  const missing = new Set<string>();
  for (const { labels, status } of causes.alerts.values()) {
    if (status === 'firing' && !(await firing.reports(labels))) missing.add(labels['alertname'] ?? '(no alertname)');
  }
  return [...missing];
}

function hasVerdict({ conditions }: Pipeline): boolean {
  return conditions.some(({ type }) => type === 'TelemetryFlowHealthy');
}

interface ConditionUpdaterOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: Pick<ControllerMetrics, 'conditionChanged'>;
  readonly pipelines: Pick<Pipelines, 'updateConditions'>;
  /** Gets every transition that was written. */
  readonly transitions?: TransitionRecorder | undefined;
}

/** Writes the condition if it differs, and reports its transition to the log, the metrics and the recorder. */
export class ConditionUpdater implements ConditionApplier {
  readonly #options: ConditionUpdaterOptions;

  constructor(options: ConditionUpdaterOptions) {
    this.#options = options;
  }

  async apply(run: Run, verdict: Verdict, mayReplace?: MayReplace): Promise<boolean> {
    const { condition } = verdict;
    const { conditions, isDoubtful = false } = run.pipeline;
    const differs = isDoubtful || setCondition(conditions, condition, this.#options.clock.now()) !== undefined;
    const written = differs ? await this.#write(run, condition, mayReplace) : undefined;
    this.#report(run, verdict, written);
    return written !== undefined;
  }

  /**
   * Reports the change that was really written. It may differ from the intended one, or be none, if another writer was faster or
   * the pipeline was deleted.
   */
  async #write(
    { request, signal }: Run,
    desired: DesiredCondition,
    mayReplace: MayReplace = () => true,
  ): Promise<ConditionUpdate | undefined> {
    const { clock, pipelines } = this.#options;
    let update: ConditionUpdate | undefined;
    const change = (current: readonly Condition[]): readonly Condition[] | undefined => {
      const present = current.find(({ type }) => type === desired.type);
      const isFree = present === undefined || mayReplace(present);
      update = isFree ? setCondition(current, desired, clock.now()) : undefined;
      return update?.conditions;
    };
    return (await pipelines.updateConditions(request, change, signal)) ? update : undefined;
  }

  #report(run: Run, verdict: Verdict, written: ConditionUpdate | undefined): void {
    const { logger, metrics, transitions } = this.#options;
    const transition = written?.transition;
    if (transition === undefined) {
      logger.debug('condition.unchanged', 'the condition is as it should be', unchangedFields(run, verdict));
      return;
    }
    logger.info('condition.changed', 'the condition changed', transitionFields(run, transition, verdict.decision));
    metrics.conditionChanged(kindName(run.request), verdict.condition.status);
    transitions?.record(run.pipeline, transition, verdict.decision);
  }
}

interface ConditionObserverOptions extends Pick<Runtime, 'clock' | 'logger'> {}

/** Logs what would be written and writes nothing, so it needs no right to write. */
export class ConditionObserver implements ConditionApplier {
  readonly #options: ConditionObserverOptions;

  constructor(options: ConditionObserverOptions) {
    this.#options = options;
  }

  async apply(run: Run, verdict: Verdict): Promise<boolean> {
    const { clock, logger } = this.#options;
    const update = setCondition(run.pipeline.conditions, verdict.condition, clock.now());
    if (update?.transition === undefined) {
      logger.debug('condition.unchanged', 'the condition is as it should be', unchangedFields(run, verdict));
    } else {
      const message = 'the condition would change; controller.action is log, so nothing is written';
      logger.info('condition.observed', message, transitionFields(run, update.transition, verdict.decision));
    }
    return update !== undefined;
  }
}

/** The fields of a line about a condition that does not change. */
function unchangedFields({ id, request }: Run, { condition, decision }: Verdict): LogFields {
  const { type, status, reason, message } = condition;
  return { run: id, ...request, type, to: status, reason, message, ...decidedBy(decision) };
}

/** The fields of a line about a condition whose status or reason changes. */
function transitionFields(
  { id, request, causes }: Run,
  { fromReason, reason, message, ...transition }: ConditionTransition,
  decision: Decision,
): LogFields {
  return {
    run: id,
    ...request,
    ...transition,
    from_reason: fromReason,
    reason,
    message,
    ...decidedBy(decision),
    ...describeBriefly(causes),
  };
}
