import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { TriggerOrigin } from './trigger.ts';

export interface TriggerMetrics {
  /** A label was too long for an expression. */
  undecided(): void;
  /** A change of a trigger holds, so long after it was seen, milliseconds. */
  inForce(ms: number): void;
}

/** @param counts read at each scrape */
export function createTriggerMetrics(
  registry: Registry,
  counts: () => Readonly<Record<TriggerOrigin, number>>,
): TriggerMetrics {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_triggers_in_force',
    help: 'Triggers in force, by where they come from.',
    labelNames: ['origin'],
    collect() {
      for (const [origin, count] of Object.entries(counts())) this.set({ origin }, count);
    },
  });
  const undecided = new Counter({
    registers,
    name: 'tocsin_trigger_undecided_total',
    help: 'Labels that were too long for a regular expression of a trigger, which did not match then.',
  });
  const propagation = new Histogram({
    registers,
    name: 'tocsin_trigger_propagation_seconds',
    help: 'From when a change of a trigger was seen until it was read and in force, and its objects were looked at.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
  });
  return { undecided: () => undecided.inc(), inForce: (ms) => propagation.observe(ms / 1000) };
}
