import { Counter, type Registry } from 'prom-client';

/** `created` and `updated` (the series of one that was there already) were written; `dropped`: too many waited. */
export type EventResult = 'created' | 'updated' | 'failed' | 'dropped';

export interface WriteMetrics {
  /** A condition has to be written again because somebody else wrote in between. */
  conflicted(): void;
  /** What became of Kubernetes Events. */
  event(result: EventResult, count?: number): void;
}

const results: readonly EventResult[] = ['created', 'updated', 'failed', 'dropped'];

export function createWriteMetrics(registry: Registry): WriteMetrics {
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
  for (const result of results) events.inc({ result }, 0);
  return {
    conflicted: () => conflicts.inc(),
    event: (result, count = 1) => events.inc({ result }, count),
  };
}
