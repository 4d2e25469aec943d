import { Counter, Gauge, type Registry } from 'prom-client';
import type { Edge } from './debouncer.ts';

export interface SourceMetrics {
  readonly emitted: Readonly<Record<Edge, Counter.Internal>>;
  readonly merged: Counter;
}

/** The metrics of the debouncer and the channel. @param depth read at each scrape */
export function createSourceMetrics(registry: Registry, capacity: () => number, depth: () => number): SourceMetrics {
  const registers = [registry];
  const emitted = new Counter({
    registers,
    name: 'tocsin_events_emitted_total',
    help: 'Events that the debouncer let out, by edge.',
    labelNames: ['edge'],
  });
  new Gauge({
    registers,
    name: 'tocsin_channel_depth',
    help: 'Events that wait in the channel.',
    collect() {
      this.set(depth());
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_channel_capacity',
    help: 'Most events that the channel holds.',
    collect() {
      this.set(capacity());
    },
  });
  const merged = new Counter({
    registers,
    name: 'tocsin_channel_merged_total',
    help: 'Events merged into the newest waiting one because the channel was full.',
  });
  const edge = (label: Edge): Counter.Internal => {
    emitted.inc({ edge: label }, 0);
    return emitted.labels(label);
  };
  return { emitted: { leading: edge('leading'), trailing: edge('trailing'), max_wait: edge('max_wait') }, merged };
}
