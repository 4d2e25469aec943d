import { collectDefaultMetrics, Counter, Gauge, type Registry } from 'prom-client';

/** Gauges of prom-client under names that promtool refuses; each is the sum of a metric that stays. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export interface ProcessFacts {
  readonly version: string;
  /** How many lines of the log were dropped because nobody read it. */
  readonly droppedLogLines: () => number;
}

/** The metrics of the process and of its log, and which build it is. */
export function createProcessMetrics(registry: Registry, { version, droppedLogLines }: ProcessFacts): void {
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    registers: [registry],
    name: 'tocsin_build_info',
    help: 'Which build this is; the value is always 1.',
    labelNames: ['version', 'node_version'],
  }).set({ version, node_version: process.version }, 1);
  new Counter({
    registers: [registry],
    name: 'tocsin_log_lines_dropped_total',
    help: 'Lines of the log that were dropped because nobody read standard output.',
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
}
