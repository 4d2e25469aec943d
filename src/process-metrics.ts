import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** Gauges of prom-client under names that promtool refuses; each is the sum of a metric that stays. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The metrics of the process, and which build it is. */
export function createProcessMetrics(registry: Registry, version: string): void {
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    registers: [registry],
    name: 'tocsin_build_info',
    help: 'Which build this is; the value is always 1.',
    labelNames: ['version', 'node_version'],
  }).set({ version, node_version: process.version }, 1);
}
