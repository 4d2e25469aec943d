import { Counter, Gauge, type Registry } from 'prom-client';
import type { HttpMetrics } from '../../server/request/http-metrics.ts';

export interface ReceiverMetrics extends HttpMetrics {
  readonly receivedFiring: Counter.Internal;
  readonly receivedResolved: Counter.Internal;
  readonly invalid: Counter;
  /** Alerts not stored, or stored without their new annotations. */
  readonly limited: Counter;
  /** Alerts that a silence kept from waking a reconcile. */
  readonly suppressed: Counter;
  /** Alerts that senders announced without sending them. */
  readonly truncated: Counter;
}

/** The content of the store, read at each scrape. */
export interface StoreGauges {
  readonly active: () => number;
  readonly resolved: () => number;
  readonly bytes: () => number;
}

export function createReceiverMetrics(registry: Registry, http: HttpMetrics, store: StoreGauges): ReceiverMetrics {
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
  return {
    ...http,
    receivedFiring: zeroed(received, 'firing'),
    receivedResolved: zeroed(received, 'resolved'),
    invalid,
    limited,
    suppressed,
    truncated,
  };
}

function zeroed(counter: Counter, status: string): Counter.Internal {
  counter.inc({ status }, 0);
  return counter.labels(status);
}
