import type { LogFields, LogLevel } from '../runtime/logger.ts';
import { describeBriefly, namedCauses, type Causes } from '../cause/causes.ts';
import { newId } from '../runtime/new-id.ts';
import { kindName, decidedBy, type Result } from '../reconcile/ports.ts';
import type { WorkItem } from '../workqueue/dirty-requests.ts';
import type { ControllerMetrics, ReconcileResultLabel } from './controller-metrics.ts';
import { ForbiddenError, NoRuleError, PostponedError, SnapshotError } from '../reconcile/errors.ts';
import type { SweepOutcome, QueuedWork } from './sweep.ts';
import { defaultTrigger } from '../trigger/trigger.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The end of one run of a reconcile. */
export type Outcome =
  /** Done, or the pipeline is gone: nothing to do until something happens. */
  | { readonly kind: 'success'; readonly result: Result }
  /** Done; look again later. */
  | { readonly kind: 'requeue_after'; readonly result: Result; readonly requeueAfterMs: number }
  /** It failed for a reason that it shares with others, which says when to try again. */
  | { readonly kind: 'postponed'; readonly error: PostponedError }
  /** It failed or took too long; another try may succeed. */
  | { readonly kind: 'error'; readonly error: unknown }
  /** It failed, and would fail again. */
  | { readonly kind: 'terminal_error'; readonly error: unknown }
  /** The process is shutting down. */
  | { readonly kind: 'cancelled'; readonly error: unknown };

export interface ReconcileReportOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ControllerMetrics;
}

/** Reports the result of a reconcile to the log, to the metrics, and to the sweeps that wait for it. */
export class ReconcileReport {
  readonly #options: ReconcileReportOptions;
  /** The names of causes, for as long as a run may refer to them. */
  readonly #causesIds = new WeakMap<Causes, string>();

  constructor(options: ReconcileReportOptions) {
    this.#options = options;
  }

  started(item: WorkItem<QueuedWork>, runId: string): void {
    const { clock, metrics } = this.#options;
    // Not from the causes: in a retry they contain alerts that an earlier run has looked at and counted.
    const alertAt = Math.min(...item.payload.sweeps.map((sweep) => sweep.firstAlertAt));
    if (Number.isFinite(alertAt)) metrics.alertToReconcile.observe(Math.max(0, clock.now() - alertAt) / 1000);
    const since = { since_alert_ms: this.#sinceAlertMs(item) };
    this.#line(levelOf(item), 'reconcile.started', 'a reconcile starts', item, runId, since);
  }

  /** @param retryInMs the time until the next try; undefined if there is none */
  ended(item: WorkItem<QueuedWork>, runId: string, outcome: Outcome, durationMs: number, retryInMs?: number): void {
    const { kind, error, result } = { error: undefined, result: undefined, ...outcome };
    this.#options.metrics.reconciled(kindName(item.request), labelOf(kind), durationMs / 1000);
    if (result === undefined) this.#failed(item, runId, kind, error, durationMs, retryInMs);
    else {
      const missing = result.notInPrometheus.length > 0 ? { not_in_prometheus: result.notInPrometheus } : {};
      this.#line(finishedLevel(item), 'reconcile.finished', 'a reconcile is done', item, runId, {
        result: result.outcome,
        ...given({ because: unchangedBecause(result), query_id: result.queryId }),
        ...(result.decision !== undefined && decidedBy(result.decision)),
        ...(result.heldForMs !== undefined && { held: true, held_for_ms: result.heldForMs }),
        ...missing,
        ...throttledFields(result),
        ...given({ foreign_conditions: result.foreignConditions }),
        ...(retryInMs !== undefined && { requeue_after_ms: retryInMs }),
        duration_ms: durationMs,
        since_alert_ms: this.#sinceAlertMs(item),
      });
    }
    const settled = settledAs(outcome);
    for (const sweep of item.payload.sweeps) sweep.settle(settled, error);
  }

  #failed(
    item: WorkItem<QueuedWork>,
    runId: string,
    kind: Outcome['kind'],
    error: unknown,
    durationMs: number,
    retryInMs: number | undefined,
  ): void {
    this.#line(failedLevel(item, error), 'reconcile.failed', 'a reconcile failed', item, runId, {
      result: labelOf(kind),
      ...given({
        because: failedBecause(kind, error),
        query_id: error instanceof SnapshotError ? error.queryId : undefined,
      }),
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
    { request, priority, payload }: WorkItem<QueuedWork>,
    runId: string,
    fields: LogFields,
  ): void {
    const { logger } = this.#options;
    if (!logger.enables(level, event)) return;
    const causesId = this.#causesId(payload);
    logger[level](event, msg, {
      run: runId,
      ...request,
      priority,
      ...fields,
      ...triggersOf(payload),
      ...describeBriefly(payload.causes),
      ...(causesId !== undefined && { causes_id: causesId }),
      ...(payload.eventIds.length > 0 && { event_ids: payload.eventIds }),
    });
  }

  /** The name under which the log lists the alerts. The alerts of several events together are logged here, once for all runs. */
  #causesId({ causes, sweeps, eventIds }: QueuedWork): string | undefined {
    if (causes.alertCount + causes.truncatedAlerts === 0) return undefined;
    const known = this.#causesIds.get(causes) ?? sweeps.find((sweep) => sweep.causes === causes)?.eventId;
    const id = known ?? newId(4);
    this.#causesIds.set(causes, id);
    const { logger } = this.#options;
    if (known === undefined && logger.enables('debug', 'causes.named'))
      logger.debug('causes.named', 'the alerts of several events', {
        causes_id: id,
        event_ids: eventIds,
        ...namedCauses(causes),
      });
    return id;
  }

  #sinceAlertMs({ payload: { causes } }: WorkItem<QueuedWork>): number | undefined {
    return Number.isFinite(causes.firstSeen) ? Math.max(0, this.#options.clock.now() - causes.firstSeen) : undefined;
  }
}

/** The most triggers that a line names. */
const maxNamedTriggers = 20;

/** The triggers that chose the object, besides the default one. */
function triggersOf({ chosenBy }: QueuedWork): LogFields {
  if (chosenBy.size === 0 || (chosenBy.size === 1 && chosenBy.has(defaultTrigger))) return {};
  const keys = [...chosenBy.keys()].filter((key) => key !== defaultTrigger);
  const more = keys.length - maxNamedTriggers;
  return { triggers: keys.slice(0, maxNamedTriggers), ...(more > 0 && { more_triggers: more }) };
}

function throttledFields({ throttled }: Result): LogFields {
  if (throttled === undefined) return {};
  const until = Math.max(...throttled.map(({ retryAt }) => retryAt));
  const throttledBy = throttled.slice(0, maxNamedTriggers).map(({ trigger }) => trigger);
  return { throttled: throttledBy, throttled_until: new Date(until).toISOString() };
}

function labelOf(kind: Outcome['kind']): ReconcileResultLabel {
  return kind === 'postponed' ? 'error' : kind;
}

/** Runs that an alert caused are logged at info, periodic looks and retries at debug. */
function levelOf(item: WorkItem<QueuedWork>): LogLevel {
  return item.priority === 'resync' || isRetry(item) ? 'debug' : 'info';
}

/** A retry for the platform keeps its priority. The sweeps that waited for the request ended with the first try. */
function isRetry({ priority, payload }: WorkItem<QueuedWork>): boolean {
  return priority === 'retry' || (priority === 'platform' && payload.sweeps.length === 0);
}

/** A retry that succeeded ends the story of an alert. */
function finishedLevel(item: WorkItem<QueuedWork>): LogLevel {
  return isRetry(item) ? 'info' : levelOf(item);
}

/**
 * The first failure is news; the metrics show that it still fails. A failure that all pipelines share was logged where it was
 * found. If Prometheus cannot be asked, it is logged again only for a pipeline for which an alert waits. If the API server
 * refuses a write until a person acts, the home of the pipelines and the end of the sweep log it.
 */
function failedLevel(item: WorkItem<QueuedWork>, error: unknown): LogLevel {
  if (isRetry(item) || error instanceof ForbiddenError) return 'debug';
  return error instanceof PostponedError && levelOf(item) === 'debug' ? 'debug' : 'warn';
}

function settledAs(outcome: Outcome): SweepOutcome {
  if (outcome.kind !== 'success' && outcome.kind !== 'requeue_after') return 'failed';
  return outcome.result.outcome === 'changed' ? 'changed' : 'unchanged';
}

/** The reason why a successful run changed no condition; undefined if it changed one. */
function unchangedBecause(result: Result): string | undefined {
  if (result.outcome === 'changed') return undefined;
  if (result.outcome === 'gone') return 'pipeline_gone';
  if (result.throttled !== undefined) return 'throttled';
  if (result.foreignConditions !== undefined) return 'foreign_condition';
  if (result.hasNoRule === true) return 'no_rule';
  if (result.heldForMs !== undefined) return 'held';
  if (result.decision?.by === 'condition') return 'configuration_not_generated';
  return result.notInPrometheus.length > 0 ? 'not_in_prometheus' : 'unchanged';
}

/** Drops the undefined fields. */
function given(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function failedBecause(kind: Outcome['kind'], error: unknown): string | undefined {
  if (kind === 'cancelled') return undefined;
  if (error instanceof SnapshotError) return 'prometheus_failed';
  return error instanceof NoRuleError ? 'no_rule' : 'write_failed';
}
