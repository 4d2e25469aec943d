import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { kindName } from '../../reconcile/request.ts';
import type { Run, Condition, Pipelines, TransitionRecorder } from '../../reconcile/ports.ts';
import { transitionFields, unchangedFields } from './condition-lines.ts';
import { setCondition, type ConditionUpdate, type DesiredCondition } from '../../health/conditions.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import type { ConditionApplier } from './flow-health-action.ts';
import type { Verdict } from '../../health/flow-health.ts';

export interface ConditionUpdaterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<ControllerMetrics, 'conditionChanged'>;
  readonly pipelines: Pick<Pipelines, 'updateConditions'>;
  /** Told of every transition that was written. */
  readonly transitions?: TransitionRecorder | undefined;
}

/** Writes the condition if it differs, and tells of its transition to the log, to the metrics and to who else is interested. */
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

  /** What was really written: another change than was meant, or none, if somebody else wrote first or the pipeline went. */
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
