import type { Clock } from '../runtime/clock.ts';
import type { LogFields, Logger, LogLevel } from '../runtime/logger.ts';
import { describeCauses } from '../cause/causes.ts';
import { kindName } from '../reconcile/request.ts';
import type { WorkItem } from '../workqueue/work-queue.ts';
import type { ControllerMetrics, ReconcileResultLabel } from './controller-metrics.ts';
import { decidedBy } from '../reconcile/decision.ts';
import { ForbiddenError, PostponedError } from '../reconcile/errors.ts';
import type { Outcome } from './reconciler.ts';
import type { SweepOutcome, Work } from './sweep.ts';

export interface ReconcileReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
}

/** Tells how a reconcile went: to the log, to the metrics, and to the sweeps that wait for it. */
export class ReconcileReport {
  readonly #options: ReconcileReportOptions;

  constructor(options: ReconcileReportOptions) {
    this.#options = options;
  }

  started(item: WorkItem<Work>): void {
    const { clock, metrics } = this.#options;
    // Not the causes: in a retry they hold alerts that a run has begun to look at before, and that are counted.
    const alertAt = Math.min(...item.payload.sweeps.map((sweep) => sweep.firstAlertAt));
    if (Number.isFinite(alertAt)) metrics.alertToReconcile.observe(Math.max(0, clock.now() - alertAt) / 1000);
    const since = { since_alert_ms: this.#sinceAlertMs(item) };
    this.#line(levelOf(item), 'reconcile.started', 'a reconcile starts', item, since);
  }

  /** @param retryInMs when it is tried again; undefined if it is not */
  ended(item: WorkItem<Work>, outcome: Outcome, durationMs: number, retryInMs?: number): void {
    const { kind, error, result } = { error: undefined, result: undefined, ...outcome };
    this.#options.metrics.reconciled(kindName(item.request), labelOf(kind), durationMs / 1000);
    if (result === undefined) this.#failed(item, kind, error, durationMs, retryInMs);
    else {
      const missing = result.notInPrometheus.length > 0 ? { not_in_prometheus: result.notInPrometheus } : {};
      this.#line(finishedLevel(item), 'reconcile.finished', 'a reconcile is done', item, {
        result: result.outcome,
        ...(result.decision !== undefined && decidedBy(result.decision)),
        ...(result.heldForMs !== undefined && { held: true, held_for_ms: result.heldForMs }),
        ...missing,
        ...(retryInMs !== undefined && { requeue_after_ms: retryInMs }),
        duration_ms: durationMs,
        since_alert_ms: this.#sinceAlertMs(item),
      });
    }
    const settled = settledAs(outcome);
    for (const sweep of item.payload.sweeps) sweep.settle(settled, error);
  }

  #failed(
    item: WorkItem<Work>,
    kind: Outcome['kind'],
    error: unknown,
    durationMs: number,
    retryInMs: number | undefined,
  ): void {
    this.#line(failedLevel(item, error), 'reconcile.failed', 'a reconcile failed', item, {
      result: labelOf(kind),
      error,
      // A back-off has a fraction.
      retry_in_ms: retryInMs === undefined ? undefined : Math.round(retryInMs),
      duration_ms: durationMs,
      since_alert_ms: this.#sinceAlertMs(item),
    });
  }

  #line(
    level: LogLevel,
    event: string,
    msg: string,
    { request, priority, payload }: WorkItem<Work>,
    fields: LogFields,
  ): void {
    const { logger } = this.#options;
    if (!logger.enables(level)) return;
    logger[level](event, msg, {
      ...request,
      priority,
      ...fields,
      ...describeCauses(payload.causes),
      ...eventIds(payload),
    });
  }

  #sinceAlertMs({ payload: { causes } }: WorkItem<Work>): number | undefined {
    return Number.isFinite(causes.firstSeen) ? Math.max(0, this.#options.clock.now() - causes.firstSeen) : undefined;
  }
}

function labelOf(kind: Outcome['kind']): ReconcileResultLabel {
  return kind === 'postponed' ? 'error' : kind;
}

/** What an alert caused can be followed at info; the periodic looks and the retries are told at debug. */
function levelOf({ priority }: WorkItem<Work>): LogLevel {
  return priority === 'alert' || priority === 'manual' ? 'info' : 'debug';
}

/** A retry that came through ends the story of an alert. */
function finishedLevel(item: WorkItem<Work>): LogLevel {
  return item.priority === 'retry' ? 'info' : levelOf(item);
}

/**
 * The first failure is news; that it still fails is told by the metrics. One that all pipelines share was told where it
 * was found: because Prometheus cannot be asked, for each only where an alert waits for it; of a write that the API server
 * refuses until a person acts, by the home of the pipelines and the end of the sweep.
 */
function failedLevel(item: WorkItem<Work>, error: unknown): LogLevel {
  if (item.priority === 'retry' || error instanceof ForbiddenError) return 'debug';
  return error instanceof PostponedError && levelOf(item) === 'debug' ? 'debug' : 'warn';
}

function settledAs(outcome: Outcome): SweepOutcome {
  if (outcome.kind !== 'success' && outcome.kind !== 'requeue_after') return 'failed';
  return outcome.result.outcome === 'changed' ? 'changed' : 'unchanged';
}

function eventIds({ sweeps }: Work): LogFields {
  return sweeps.length === 0 ? {} : { event_ids: sweeps.map((sweep) => sweep.eventId) };
}
