import { Counter, Gauge, type Registry } from 'prom-client';
import type { TriggerOrigin } from './trigger.ts';

export interface TriggerMetrics {
  /** A label was too long for an expression. */
  undecided(): void;
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
  return { undecided: () => undecided.inc() };
}
