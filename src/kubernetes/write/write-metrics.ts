import { Counter, Gauge, type Registry } from 'prom-client';

/** `created` and `updated` (the series of one that was there already) were written; `dropped`: too many waited. */
export type EventResult = 'created' | 'updated' | 'failed' | 'dropped';

export interface WriteMetrics {
  /** A condition has to be written again because somebody else wrote in between. */
  conflicted(): void;
  /** What became of Kubernetes Events. */
  event(result: EventResult, count?: number): void;
}

const results: readonly EventResult[] = ['created', 'updated', 'failed', 'dropped'];

/** @param eventsWaiting Events that wait to be written, read at each scrape */
export function createWriteMetrics(registry: Registry, eventsWaiting: () => number = () => 0): WriteMetrics {
  const registers = [registry];
  const conflicts = new Counter({
    registers,
    name: 'tocsin_condition_write_conflicts_total',
    help: 'Writes of a condition that were made again because somebody else wrote in between.',
  });
  const events = new Counter({
    registers,
    name: 'tocsin_kubernetes_events_total',
    help: 'Kubernetes Events, by what became of them.',
    labelNames: ['result'],
  });
  new Gauge({
    registers,
    name: 'tocsin_kubernetes_events_waiting',
    help: 'Kubernetes Events that wait to be written; over 1000 a further one is dropped.',
    collect() {
      this.set(eventsWaiting());
    },
  });
  for (const result of results) events.inc({ result }, 0);
  return {
    conflicted: () => conflicts.inc(),
    event: (result, count = 1) => events.inc({ result }, count),
  };
}
