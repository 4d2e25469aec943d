import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The configuration keys of limits, and the fixed ones, that a request can run into. */
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
] as const;
export type LimitName = (typeof limitNames)[number];

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

export interface ReceiverMetrics {
  readonly receivedFiring: Counter.Internal;
  readonly receivedResolved: Counter.Internal;
  readonly invalid: Counter;
  /** Alerts not stored, or stored without their new annotations. */
  readonly limited: Counter;
  /** Alerts that a silence kept from waking anybody. */
  readonly suppressed: Counter;
  /** Alerts that senders told of without sending them. */
  readonly truncated: Counter;
  limitReached(limit: LimitName): void;
  /** Has the gauges of connections read at each scrape. */
  watchConnections(gauges: ConnectionGauges): void;
  /** @param route of known-path.ts: a label has few values */
  answered(route: string, method: string, status: number, seconds: number): void;
}

/** What is counted of all requests with one path, method and status. */
interface AnswerSeries {
  readonly requests: Counter.Internal;
  readonly duration: Histogram.Internal<'path' | 'method'>;
}

/** What the store holds, read at each scrape. */
export interface StoreGauges {
  readonly active: () => number;
  readonly resolved: () => number;
  readonly bytes: () => number;
}

/** What is open, and what it holds, read at each scrape. */
export interface ConnectionGauges {
  readonly open: () => number;
  readonly bytes: () => number;
}

export function createReceiverMetrics(registry: Registry, store: StoreGauges): ReceiverMetrics {
  const registers = [registry];
  const received = new Counter({
    registers,
    name: 'tocsin_alerts_received_total',
    help: 'Alerts received, invalid ones included.',
    labelNames: ['status'],
  });
  const invalid = new Counter({
    registers,
    name: 'tocsin_alerts_invalid_total',
    help: 'Alerts refused because they are invalid.',
  });
  const limited = new Counter({
    registers,
    name: 'tocsin_alerts_limited_total',
    help: 'Alerts not stored, or not updated in full, because the store was full; they woke a reconcile all the same.',
  });
  const truncated = new Counter({
    registers,
    name: 'tocsin_alerts_truncated_total',
    help: 'Alerts that an Alertmanager cut off from its webhook (max_alerts).',
  });
  const suppressed = new Counter({
    registers,
    name: 'tocsin_alerts_suppressed_total',
    help: 'Alerts received or expired that would have woken a reconcile, but for a silence.',
  });
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
  new Gauge({
    registers,
    name: 'tocsin_alerts',
    help: 'Alerts stored, by state.',
    labelNames: ['state'],
    collect() {
      this.set({ state: 'active' }, store.active());
      this.set({ state: 'resolved' }, store.resolved());
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_alerts_size_bytes',
    help: 'What the stored alerts take, estimated.',
    collect() {
      this.set(store.bytes());
    },
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
  for (const path of ['/api/v2/alerts', '/webhook']) requests.inc({ path, method: 'POST', code: '200' }, 0);
  return {
    receivedFiring: zeroed(received, 'firing'),
    receivedResolved: zeroed(received, 'resolved'),
    invalid,
    limited,
    suppressed,
    truncated,
    limitReached: (limit) => limits.inc({ limit }),
    watchConnections: (gauges) => void (connections = gauges),
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

function zeroed(counter: Counter, status: string): Counter.Internal {
  counter.inc({ status }, 0);
  return counter.labels(status);
}
