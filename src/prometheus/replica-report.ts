import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Logger } from '../runtime/logger.ts';
import { PrometheusError, prometheusErrorKinds, type PrometheusErrorKind } from './prometheus-error.ts';

export type QueryResult = 'success' | PrometheusErrorKind;

export interface PrometheusMetrics {
  /** The result of one look at the firing alerts, of all replicas together. */
  queried(result: QueryResult, seconds: number): void;
  /** The result of one replica in a look. */
  replicaQueried(result: QueryResult): void;
  /** How many of the replicas asked answer, and how many fail. */
  replicas(answering: number, failing: number): void;
  /** How many replicas exceed `prometheus.max_replicas`. */
  unaskedReplicas(count: number): void;
}

/** Metrics of the queries that Tocsin makes. */
export function createPrometheusMetrics(registry: Registry): PrometheusMetrics {
  const registers = [registry];
  const queries = new Counter({
    registers,
    name: 'tocsin_prometheus_queries_total',
    help: 'Queries of the Prometheus alerts API, by result.',
    labelNames: ['result'],
  });
  const duration = new Histogram({
    registers,
    name: 'tocsin_prometheus_query_duration_seconds',
    help: 'How long a query of the Prometheus alerts API took, failed ones included.',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  const replicaQueries = new Counter({
    registers,
    name: 'tocsin_prometheus_replica_queries_total',
    help: 'Queries of single replicas of Prometheus, by result.',
    labelNames: ['result'],
  });
  const replicas = new Gauge({
    registers,
    name: 'tocsin_prometheus_replicas',
    help: 'Addresses of Prometheus at the last query: answering, failing, and over prometheus.max_replicas.',
    labelNames: ['state'],
  });
  for (const state of ['answering', 'failing', 'over_limit']) replicas.set({ state }, 0);
  for (const result of ['success', ...prometheusErrorKinds]) {
    queries.inc({ result }, 0);
    replicaQueries.inc({ result }, 0);
  }
  return {
    queried(result, seconds) {
      queries.inc({ result });
      duration.observe(seconds);
    },
    replicaQueried: (result) => replicaQueries.inc({ result }),
    replicas(answering, failing) {
      replicas.set({ state: 'answering' }, answering);
      replicas.set({ state: 'failing' }, failing);
    },
    unaskedReplicas: (count) => replicas.set({ state: 'over_limit' }, count),
  };
}

interface ReplicaReportOptions {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
}

/** Reports on single replicas: to the metrics each time, to the log when a replica begins to fail and when it is back. */
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

  /** @param isPair false for the only replica, about which `prometheus.queried` says enough */
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

  /** How many of the replicas asked fail at the moment. */
  standings(failing: number): void {
    this.#options.metrics.replicas(this.#asked - failing, failing);
  }
}
