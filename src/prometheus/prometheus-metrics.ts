import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { prometheusErrorKinds, type PrometheusErrorKind } from './prometheus-error.ts';

export type QueryResult = 'success' | PrometheusErrorKind;

export interface PrometheusMetrics {
  /** A look at what fires, whose result is that of all replicas together. */
  queried(result: QueryResult, seconds: number): void;
  /** One replica's part of a look. */
  replicaQueried(result: QueryResult): void;
  /** How many of the replicas that are asked answer, and how many fail. */
  replicas(answering: number, failing: number): void;
  /** How many are over `prometheus.max_replicas`. */
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
