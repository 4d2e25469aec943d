import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Causes } from '../workqueue/causes.ts';
import { describeCauses } from '../workqueue/describe-causes.ts';
import type { Request } from '../workqueue/request.ts';
import { setCondition, type ConditionTransition, type ConditionUpdate, type DesiredCondition } from './conditions.ts';
import type { ControllerMetrics } from './controller-metrics.ts';
import { configurationNotGenerated, flowHealth, probingFailed } from './flow-health.ts';
import type { AlertSnapshot, AlertSource, Condition, Pipeline, Pipelines } from './ports.ts';
import { SnapshotError } from './snapshot-error.ts';

/** `condition` writes what the alerts mean into the status; `log` goes the whole way and writes nothing. */
export type Action = 'condition' | 'log';

export interface Result {
  /** `gone`: there is no such pipeline any more. */
  readonly outcome: 'changed' | 'unchanged' | 'gone';
  /** Look again after this long, whatever happens, milliseconds; undefined: not until something happens. */
  readonly requeueAfterMs?: number;
  /** Names of alerts that were pushed as firing and that Prometheus does not report. */
  readonly notInPrometheus: readonly string[];
}

export interface ReconcilerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  readonly pipelines: Pipelines;
  readonly alerts: AlertSource;
  readonly action: Action;
  /** `controller.requeue_after`, milliseconds. */
  readonly requeueAfterMs: number;
}

/** Asks what fires now, decides what it means for one pipeline, and writes that if it differs from what is there. */
export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * One run. Nothing is taken from the causes but how fresh the answer has to be and what to say in the log.
   * Rejects with SnapshotError when the alerts cannot be had (the condition is Unknown by then), and with whatever the
   * home of the pipelines throws when it cannot be written to.
   */
  async reconcile(request: Request, causes: Causes, signal: AbortSignal): Promise<Result> {
    const pipeline = this.#options.pipelines.get(request);
    if (pipeline === undefined) return { outcome: 'gone', notInPrometheus: [] };
    const notGenerated = configurationNotGenerated(pipeline);
    if (notGenerated !== undefined) return this.#apply(pipeline, request, notGenerated, causes, signal);
    const snapshot = await this.#snapshot(pipeline, request, causes, signal);
    const result = await this.#apply(pipeline, request, flowHealth(pipeline, snapshot.firing), causes, signal);
    return { ...result, notInPrometheus: this.#missing(causes, snapshot) };
  }

  async #snapshot(pipeline: Pipeline, request: Request, causes: Causes, signal: AbortSignal): Promise<AlertSnapshot> {
    try {
      return await this.#options.alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal);
    } catch (error) {
      if (error instanceof SnapshotError) await this.#apply(pipeline, request, probingFailed(pipeline), causes, signal);
      throw error;
    }
  }

  async #apply(
    pipeline: Pipeline,
    request: Request,
    desired: DesiredCondition,
    causes: Causes,
    signal: AbortSignal,
  ): Promise<Result> {
    const healthy = desired.status === 'True';
    let update = setCondition(pipeline.conditions, desired, this.#options.clock.now());
    if (update !== undefined && this.#options.action === 'condition') {
      update = await this.#write(request, desired, signal);
    }
    this.#report(request, desired, update?.transition, causes);
    return {
      outcome: update === undefined ? 'unchanged' : 'changed',
      ...(!healthy && { requeueAfterMs: this.#options.requeueAfterMs }),
      notInPrometheus: [],
    };
  }

  /** What was written: another change than was meant, or none, if somebody else wrote first or the pipeline went. */
  async #write(request: Request, desired: DesiredCondition, signal: AbortSignal): Promise<ConditionUpdate | undefined> {
    const { clock, pipelines } = this.#options;
    let written: ConditionUpdate | undefined;
    const change = (current: readonly Condition[]): readonly Condition[] | undefined => {
      written = setCondition(current, desired, clock.now());
      return written?.conditions;
    };
    await pipelines.updateConditions(request, change, signal);
    return written;
  }

  #report(
    request: Request,
    desired: DesiredCondition,
    transition: ConditionTransition | undefined,
    causes: Causes,
  ): void {
    const { action, logger, metrics } = this.#options;
    const { type, status, reason, message } = desired;
    const fields = { ...request, type, to: status, reason, message };
    if (transition === undefined) {
      logger.debug('condition.unchanged', 'the condition is as it should be', fields);
      return;
    }
    const { from, fromReason } = transition;
    const line = {
      ...request,
      type,
      from,
      to: status,
      from_reason: fromReason,
      reason,
      message,
      ...describeCauses(causes),
    };
    if (action === 'log') {
      logger.info(
        'condition.observed',
        'the condition would change; controller.action is log, so nothing is written',
        line,
      );
      return;
    }
    logger.info('condition.changed', 'the condition changed', line);
    metrics.conditionChanged(request.kind, status);
  }

  /** Whoever sends a test alert must not wonder why no condition changed. */
  #missing(causes: Causes, { firing }: AlertSnapshot): readonly string[] {
    if (!this.#options.alerts.pulls) return [];
    const missing = new Set<string>();
    for (const { labels, status } of causes.alerts.values()) {
      if (status === 'firing' && !firing.reports(labels)) missing.add(labels['alertname'] ?? '(no alertname)');
    }
    return [...missing];
  }
}
