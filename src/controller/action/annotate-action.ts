import type { Logger } from '../../runtime/logger.ts';
import { describeBriefly, causeText, type Causes } from '../../cause/causes.ts';
import { kindName, type Action, type Run, type Result, type Annotator } from '../../reconcile/ports.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';

interface AnnotateActionOptions {
  readonly logger: Logger;
  readonly metrics: Pick<ControllerMetrics, 'annotated'>;
  readonly annotator: Annotator;
  readonly config: AnnotateConfig;
}

/**
 * Asks the operator that owns the object to look at it. That operator finds out what fires, so Prometheus is not asked and the
 * kind needs no health rules.
 *
 * Only an alert is a reason. The start, the periodic look and a change of the object are none: the operator has periodic looks of
 * its own and watches its objects, and an alert that was missed is sent again within a minute.
 */
export class AnnotateAction implements Action {
  readonly #options: AnnotateActionOptions;

  constructor(options: AnnotateActionOptions) {
    this.#options = options;
  }

  async perform({ id, request, causes, signal }: Run): Promise<Result> {
    const { annotator, config, logger, metrics } = this.#options;
    if (!causes.triggers.has('alert')) return { outcome: 'unchanged', notInPrometheus: [] };
    const annotations = requestAnnotations(causes, config);
    if (!(await annotator.annotate(request, annotations, signal))) return { outcome: 'gone', notInPrometheus: [] };
    logger.info('object.annotated', 'the operator of the object is asked to reconcile it', {
      run: id,
      ...request,
      annotations,
      ...describeBriefly(causes),
    });
    metrics.annotated(kindName(request));
    return { outcome: 'changed', notInPrometheus: [] };
  }
}

/** `controller.annotate` of the configuration. */
export interface AnnotateConfig {
  readonly requested_at_key: string;
  /** Null: the time of the newest cause. Some operators need a word instead. */
  readonly requested_at_value: string | null;
  /** Null: the cause is not written. */
  readonly cause_key: string | null;
}

/**
 * The annotations that ask another operator to look at its object: the time of the request in RFC 3339 with milliseconds, so that
 * two requests differ, and its alerts. The time is that of the newest cause, so a retry requests nothing new.
 */
export function requestAnnotations(causes: Causes, config: AnnotateConfig): Readonly<Record<string, string>> {
  const requestedAt = config.requested_at_value ?? new Date(causes.lastSeen).toISOString();
  return {
    [config.requested_at_key]: requestedAt,
    ...(config.cause_key !== null && { [config.cause_key]: causeText(causes) }),
  };
}
