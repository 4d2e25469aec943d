import { createHash } from 'node:crypto';
import { collectDefaultMetrics, Counter, Gauge, type Registry } from 'prom-client';

/** Gauges of prom-client under names that promtool refuses. Each is the sum of a metric that stays. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

interface ProcessFacts {
  readonly version: string;
  /** The number of log lines that were dropped because nobody read them. */
  readonly droppedLogLines: () => number;
}

/** The metrics of the process, its log and its build. */
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

/** The configuration that runs. */
export interface RunningConfiguration {
  /** The SHA-256 of its text, in hexadecimal digits. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
  /** True if a later version was refused. */
  readonly isRefused: boolean;
}

export interface ReloadMetrics {
  readonly running: RunningConfiguration;
  /** @param text of the configuration file, '' without one */
  succeeded(text: string, now: number): void;
  failed(): void;
}

/** Alertmanager's metrics of its configuration, under our name. The start counts as a reload. */
export function createReloadMetrics(registry: Registry, text: string, now: number): ReloadMetrics {
  const registers = [registry];
  const successful = new Gauge({
    registers,
    name: 'tocsin_config_last_reload_successful',
    help: 'Whether the last reload of the configuration succeeded.',
  });
  const succeededAt = new Gauge({
    registers,
    name: 'tocsin_config_last_reload_success_timestamp_seconds',
    help: 'When the configuration was last loaded with success.',
  });
  const hash = new Gauge({
    registers,
    name: 'tocsin_config_hash',
    help: 'Hash of the configuration file that was last loaded with success.',
  });
  let running: RunningConfiguration;
  const succeeded = (loaded: string, at: number): void => {
    running = { sha256: sha256Of(loaded), loadedAt: at, isRefused: false };
    successful.set(1);
    succeededAt.set(at / 1000);
    hash.set(hashOf(loaded));
  };
  succeeded(text, now);
  return {
    get running() {
      return running;
    },
    succeeded,
    failed() {
      running = { ...running, isRefused: true };
      successful.set(0);
    },
  };
}

export function sha256Of(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** 48 bits, as in Alertmanager: a float holds them exactly. */
function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}
