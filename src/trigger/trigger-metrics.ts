import { Gauge, type Registry } from 'prom-client';
import type { TriggerOrigin } from './trigger.ts';

/** @param counts read at each scrape */
export function createTriggerMetrics(registry: Registry, counts: () => Readonly<Record<TriggerOrigin, number>>): void {
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
}
