import type { LogFields, Logger } from '../runtime/logger.ts';
import type { AllReplicas, ReplicatedAlerts } from './all-replicas.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { PrometheusMetrics } from './replica-report.ts';

/** The most firing alerts, and the most request ids, that one line lists. */
const maxListedAlerts = 20;
const maxListedIds = 100;

/** A query that has ended. */
export interface ReportedQuery {
  /** Identifies the query in the log. */
  readonly id: string;
  readonly requestIds: ReadonlySet<string>;
  readonly durationMs: number;
}

export interface QueryReportOptions {
  readonly logger: Logger;
  readonly metrics: Pick<PrometheusMetrics, 'queried'>;
  readonly client: Pick<AllReplicas, 'address'>;
}

/** Logs and counts how each query went, once per query, however many callers share it. */
export class QueryReport {
  readonly #options: QueryReportOptions;

  constructor(options: QueryReportOptions) {
    this.#options = options;
  }

  succeeded(answer: Omit<ReplicatedAlerts, 'isComplete'>, query: ReportedQuery): void {
    const { logger, metrics } = this.#options;
    const { alerts, firing, asked, answered, withoutAnnotations = 0 } = answer;
    metrics.queried('success', seconds(query.durationMs));
    const unlisted = firing.length - maxListedAlerts;
    logger.info('prometheus.queried', 'Prometheus told what fires', {
      ...this.#fields(query),
      status: 'success',
      ...(asked > 1 && { replicas: asked, answered }),
      alerts,
      firing: firing.length,
      ...(withoutAnnotations > 0 && { without_annotations: withoutAnnotations }),
      ...(firing.length > 0 && { firing_alerts: firing.slice(0, maxListedAlerts) }),
      ...(unlisted > 0 && { more_firing_alerts: unlisted }),
    });
  }

  /** @param isLasting false while the last known verdicts stay; a pipeline without a verdict becomes Unknown all the same */
  failed(error: unknown, query: ReportedQuery, retryInMs: number, isLasting: boolean): void {
    const { logger, metrics } = this.#options;
    const kind = error instanceof PrometheusError ? error.kind : 'network';
    metrics.queried(kind, seconds(query.durationMs));
    logger.warn('prometheus.queried', 'Prometheus could not be asked what fires', {
      ...this.#fields(query),
      status: kind,
      error,
      verdicts: isLasting ? 'unknown' : 'kept, unknown where there was none',
      retry_in_ms: retryInMs,
    });
  }

  #fields({ id, requestIds, durationMs }: ReportedQuery): LogFields {
    return {
      query_id: id,
      address: this.#options.client.address,
      duration_ms: Math.max(0, durationMs),
      ...(requestIds.size > 0 && { request_ids: [...requestIds].slice(-maxListedIds) }),
    };
  }
}

function seconds(ms: number): number {
  return Math.max(0, ms) / 1000;
}
