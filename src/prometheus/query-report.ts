import type { LabelSet } from '../alert/label-set.ts';
import type { LogFields, Logger } from '../logger.ts';
import type { PrometheusClient } from './prometheus-client.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

/** Most firing alerts, and most request ids, that one line lists. */
const maxListedAlerts = 20;
const maxListedIds = 100;

export interface QueryReportOptions {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly client: Pick<PrometheusClient, 'address'>;
}

/** Tells the log and the metrics how each query went: once a query, however many asked for it. */
export class QueryReport {
  readonly #options: QueryReportOptions;

  constructor(options: QueryReportOptions) {
    this.#options = options;
  }

  /** @param alerts how many there are in the answer, pending ones included */
  succeeded(alerts: number, firing: readonly LabelSet[], requestIds: ReadonlySet<string>, durationMs: number): void {
    const { logger, metrics } = this.#options;
    metrics.queried('success', seconds(durationMs));
    const unlisted = firing.length - maxListedAlerts;
    logger.info('prometheus.queried', 'Prometheus told what fires', {
      ...this.#fields(requestIds, durationMs),
      status: 'success',
      alerts,
      firing: firing.length,
      ...(firing.length > 0 && { firing_alerts: firing.slice(0, maxListedAlerts) }),
      ...(unlisted > 0 && { more_firing_alerts: unlisted }),
    });
  }

  failed(error: unknown, requestIds: ReadonlySet<string>, durationMs: number, retryInMs: number): void {
    const { logger, metrics } = this.#options;
    const kind = error instanceof PrometheusError ? error.kind : 'network';
    metrics.queried(kind, seconds(durationMs));
    logger.warn('prometheus.queried', 'Prometheus could not be asked what fires', {
      ...this.#fields(requestIds, durationMs),
      status: kind,
      error,
      retry_in_ms: retryInMs,
    });
  }

  #fields(requestIds: ReadonlySet<string>, durationMs: number): LogFields {
    return {
      address: this.#options.client.address,
      duration_ms: Math.max(0, durationMs),
      ...(requestIds.size > 0 && { request_ids: [...requestIds].slice(-maxListedIds) }),
    };
  }
}

function seconds(ms: number): number {
  return Math.max(0, ms) / 1000;
}
