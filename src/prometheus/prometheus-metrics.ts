import { Counter, Histogram, type Registry } from 'prom-client';
import { prometheusErrorKinds, type PrometheusErrorKind } from './prometheus-error.ts';

export type QueryResult = 'success' | PrometheusErrorKind;

export interface PrometheusMetrics {
  queried(result: QueryResult, seconds: number): void;
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
  for (const result of ['success', ...prometheusErrorKinds]) queries.inc({ result }, 0);
  return {
    queried(result, seconds) {
      queries.inc({ result });
      duration.observe(seconds);
    },
  };
}
