import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The limits that a request can reach: configuration keys, and fixed limits. */
export const limitNames = [
  'max_body_size',
  'max_labels_per_alert',
  'max_alerts',
  'max_header_size',
  'max_headers',
  'header_timeout',
  'request_timeout',
  'max_connections',
  'pipelined_requests',
  'connection_memory',
  'open_lists',
  'max_silences',
  'max_silence_size',
  'silences_memory',
  'regexp_steps',
  'filter_instructions',
  'tls_handshake_timeout',
  'rate_limit',
  'password_checks',
  'delayed_refusals',
  'access_namespaces',
  'access_reviews',
] as const;
export type LimitName = (typeof limitNames)[number];

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

/** Metrics of requests and connections of any kind. */
export interface HttpMetrics {
  limitReached(limit: LimitName): void;
  /** Reads the gauges of connections at each scrape. */
  watchConnections(gauges: ConnectionGauges): void;
  /** Creates the series at 0: without it, the first answer would not be an increase. */
  expect(route: string, method: string): void;
  /** @param route as in the list of routes: a label has few values */
  answered(route: string, method: string, status: number, seconds: number): void;
}

/** The counters of all requests with one path, method and status. */
interface AnswerSeries {
  readonly requests: Counter.Internal;
  readonly duration: Histogram.Internal<'path' | 'method'>;
}

/** The open connections and what they hold, read at each scrape. */
export interface ConnectionGauges {
  readonly open: () => number;
  readonly bytes: () => number;
}

/** @param onLimit called when a limit was reached */
export function createHttpMetrics(registry: Registry, onLimit?: (limit: LimitName) => void): HttpMetrics {
  const registers = [registry];
  const limits = new Counter({
    registers,
    name: 'tocsin_limit_reached_total',
    help: 'How often a limit of the receiver was reached.',
    labelNames: ['limit'],
  });
  const requests = new Counter({
    registers,
    name: 'tocsin_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames: ['path', 'method', 'code'],
  });
  const duration = new Histogram({
    registers,
    name: 'tocsin_http_request_duration_seconds',
    help: 'From the head of a request to its answer.',
    labelNames: ['path', 'method'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10],
  });
  let connections: ConnectionGauges | undefined;
  new Gauge({
    registers,
    name: 'tocsin_connections',
    help: 'Connections that are open.',
    collect() {
      this.set(connections?.open() ?? 0);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_connection_memory_bytes',
    help: 'What the open connections hold, estimated: heads, bodies, TLS state, answers.',
    collect() {
      this.set(connections?.bytes() ?? 0);
    },
  });
  // Finding a series by its labels costs more than counting.
  const answers = new Map<string, AnswerSeries>();
  for (const limit of limitNames) limits.inc({ limit }, 0);
  return {
    limitReached(limit) {
      limits.inc({ limit });
      onLimit?.(limit);
    },
    watchConnections: (gauges) => void (connections = gauges),
    expect: (path, method) => requests.inc({ path, method, code: '200' }, 0),
    answered(route, method, status, seconds) {
      const labels = { path: route, method: knownMethods.has(method) ? method : 'other' };
      const name = `${labels.path} ${labels.method} ${status}`;
      let series = answers.get(name);
      if (series === undefined) {
        series = { requests: requests.labels({ ...labels, code: String(status) }), duration: duration.labels(labels) };
        answers.set(name, series);
      }
      series.requests.inc();
      series.duration.observe(seconds);
    },
  };
}
