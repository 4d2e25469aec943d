import type { Logger } from '../../runtime/logger.ts';
import { describeCauses } from '../../cause/causes.ts';
import { kindName } from '../../reconcile/request.ts';
import type { Action, Run, Result, Annotator } from '../../reconcile/ports.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import { requestAnnotations, type AnnotateConfig } from './request-annotations.ts';

export interface AnnotateActionOptions {
  readonly logger: Logger;
  readonly metrics: Pick<ControllerMetrics, 'annotated'>;
  readonly annotator: Annotator;
  readonly config: AnnotateConfig;
}

/**
 * Asks the operator that owns the object to look at it. What fires is for that operator to find out: nothing is asked of
 * Prometheus, and no health rule has to know the kind.
 *
 * Only an alert is a reason. At the start, at the periodic look and when the object itself changed there is none: its
 * operator has periodic looks of its own and watches its objects, and an alert that was missed is sent again within a minute.
 */
export class AnnotateAction implements Action {
  readonly #options: AnnotateActionOptions;

  constructor(options: AnnotateActionOptions) {
    this.#options = options;
  }

  async perform({ request, causes, signal }: Run): Promise<Result> {
    const { annotator, config, logger, metrics } = this.#options;
    if (!causes.triggers.has('alert')) return { outcome: 'unchanged', notInPrometheus: [] };
    const annotations = requestAnnotations(causes, config);
    if (!(await annotator.annotate(request, annotations, signal))) return { outcome: 'gone', notInPrometheus: [] };
    logger.info('object.annotated', 'the operator of the object is asked to reconcile it', {
      ...request,
      annotations,
      ...describeCauses(causes),
    });
    metrics.annotated(kindName(request));
    return { outcome: 'changed', notInPrometheus: [] };
  }
}
