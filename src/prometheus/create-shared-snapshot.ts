import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../runtime/logger.ts';
import { tellProxy, type Environment } from '../proxy/proxy-environment.ts';
import type { SliceSchedule } from '../runtime/slice-schedule.ts';
import { AllReplicas } from './all-replicas.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';
import { prometheusProxy } from './prometheus-proxy.ts';
import { ReplicaAddresses, type ResolveHost } from './replica-addresses.ts';
import { ReplicaReport } from './replica-report.ts';
import { SharedSnapshot } from './shared-snapshot.ts';

export interface SharedSnapshotStageOptions {
  readonly config: Config['prometheus'];
  /** `prometheus.url`, which is set. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly version: string;
  /** Where a proxy may be named. Default: that of the process. */
  readonly environment?: Environment;
  /** Default: as the system resolves names. */
  readonly resolveHost?: ResolveHost;
}

/** What fires, as one Prometheus tells it, or all replicas of it together. */
export function createSharedSnapshot(options: SharedSnapshotStageOptions): SharedSnapshot {
  const { config } = options;
  tellProxies(options);
  const addresses = new ReplicaAddresses({
    ...options,
    resolve: config.resolve,
    params: config.params,
    timeoutMs: config.timeout,
    maxResponseBytes: config.max_response_size,
    maxFiringBytes: config.max_firing_size,
    httpConfig: config.http_config,
  });
  const client = new AllReplicas({
    ...options,
    addresses,
    timeoutMs: config.timeout,
    maxFiringBytes: config.max_firing_size,
    maxReplicas: config.max_replicas,
    ignoredLabels: config.ignored_labels,
    report: new ReplicaReport(options),
  });
  return new SharedSnapshot({ ...options, client, unknownAfterMs: config.unknown_after });
}

function tellProxies({ urls, config, environment = process.env, logger }: SharedSnapshotStageOptions): void {
  for (const url of urls) {
    try {
      tellProxy(logger, url, prometheusProxy({ url, httpConfig: config.http_config, environment }));
    } catch {
      // Every query will say so.
    }
  }
}
