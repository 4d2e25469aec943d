import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Run } from '../../reconcile/ports.ts';
import { transitionFields, unchangedFields } from './condition-lines.ts';
import { setCondition } from '../../health/conditions.ts';
import type { ConditionApplier } from './flow-health-action.ts';
import type { Verdict } from '../../health/flow-health.ts';

export interface ConditionObserverOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Says what would be written and writes nothing: no right to write is needed. */
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
