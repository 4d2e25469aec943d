import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** The metrics of the process, and which build it is. */
export function createProcessMetrics(registry: Registry, version: string): void {
  collectDefaultMetrics({ register: registry });
  new Gauge({
    registers: [registry],
    name: 'tocsin_build_info',
    help: 'Which build this is; the value is always 1.',
    labelNames: ['version', 'node_version'],
  }).set({ version, node_version: process.version }, 1);
}
