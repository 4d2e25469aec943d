import type { Logger } from '../runtime/logger.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';

export interface ReplicaReportOptions {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
}

/** Tells of single replicas: to the metrics each time, to the log when one begins to fail and when it is back. */
export class ReplicaReport {
  readonly #options: ReplicaReportOptions;
  #isOverLimit = false;
  #asked = 0;

  constructor(options: ReplicaReportOptions) {
    this.#options = options;
  }

  /** How many addresses a look has found, and how many of them it asks. */
  found(all: number, asked: number): void {
    const { logger, metrics } = this.#options;
    this.#asked = asked;
    metrics.unaskedReplicas(all - asked);
    if (all > asked && !this.#isOverLimit) {
      const message =
        'there are more addresses of Prometheus than prometheus.max_replicas allows: the others are not asked';
      logger.warn('prometheus.replicas_limited', message, { found: all, max_replicas: asked });
    }
    this.#isOverLimit = all > asked;
  }

  /** @param isPair false if it is the only one, of which `prometheus.queried` tells enough */
  answered(replica: string, isBack: boolean, isPair: boolean): void {
    const { logger, metrics } = this.#options;
    metrics.replicaQueried('success');
    if (isBack && isPair) logger.info('prometheus.replica_back', 'a replica of Prometheus answers again', { replica });
  }

  failed(replica: string, error: unknown, isNews: boolean, isPair: boolean): void {
    const { logger, metrics } = this.#options;
    const kind = error instanceof PrometheusError ? error.kind : 'network';
    metrics.replicaQueried(kind);
    if (!isNews || !isPair) return;
    const message = 'a replica of Prometheus did not tell what fires';
    logger.warn('prometheus.replica_failed', message, { replica, status: kind, error });
  }

  /** How many of those asked fail at the moment. */
  standings(failing: number): void {
    this.#options.metrics.replicas(this.#asked - failing, failing);
  }
}
