import type { LogFields } from '../../runtime/logger.ts';
import {
  kindName,
  decidedBy,
  type Run,
  type Condition,
  type Pipelines,
  type TransitionRecorder,
  type ConditionTransition,
  type Decision,
} from '../../reconcile/ports.ts';
import { setCondition, type ConditionUpdate, type DesiredCondition, type Verdict } from '../../health/flow-health.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import type { ConditionApplier } from './flow-health-action.ts';
import { describeCauses } from '../../cause/causes.ts';
import type { Runtime } from '../../runtime/runtime.ts';

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

  async apply(run: Run, verdict: Verdict): Promise<boolean> {
    const { condition } = verdict;
    const differs = setCondition(run.pipeline.conditions, condition, this.#options.clock.now()) !== undefined;
    const written = differs ? await this.#write(run, condition) : undefined;
    this.#report(run, verdict, written);
    return written !== undefined;
  }

  /**
   * Reports the change that was really written. It may differ from the intended one, or be none, if another writer was faster or
   * the pipeline was deleted.
   */
  async #write({ request, signal }: Run, desired: DesiredCondition): Promise<ConditionUpdate | undefined> {
    const { clock, pipelines } = this.#options;
    let update: ConditionUpdate | undefined;
    const change = (current: readonly Condition[]): readonly Condition[] | undefined => {
      update = setCondition(current, desired, clock.now());
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
    metrics.conditionChanged(kindName(run.request), transition.to);
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
    ...describeCauses(causes),
  };
}
