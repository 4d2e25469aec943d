import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../logger.ts';
import type { SliceSchedule } from '../slice-schedule.ts';
import { createPrometheusClient } from './prometheus-client.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';
import { SharedSnapshot } from './shared-snapshot.ts';

export interface SharedSnapshotStageOptions {
  readonly config: Config['prometheus'];
  /** `prometheus.url`, which is set. */
  readonly url: string;
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly version: string;
}

/** What fires, as one Prometheus tells it. */
export function createSharedSnapshot(options: SharedSnapshotStageOptions): SharedSnapshot {
  const { config } = options;
  const client = createPrometheusClient({
    ...options,
    timeoutMs: config.timeout,
    maxResponseBytes: config.max_response_size,
    maxFiringBytes: config.max_firing_size,
    httpConfig: config.http_config,
  });
  return new SharedSnapshot({ ...options, client });
}
