import type { Config } from '../config/config.ts';
import { logProxy, type Environment } from '../outbound/proxy-environment.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import { prometheusProxy } from './http-access.ts';
import { ReplicaAddresses, type ResolveHost } from './replica-addresses.ts';
import { AllReplicas } from './all-replicas.ts';
import { ReplicaReport, type PrometheusMetrics } from './replica-report.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';

interface SharedSnapshotStageOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly config: Config['prometheus'];
  /** `prometheus.url`, which is set here. */
  readonly urls: readonly string[];
  readonly metrics: PrometheusMetrics;
  /** The signals of callers that wait for no query of others. Default: there are none. */
  readonly urgent?: UrgentSignals | undefined;
  readonly version: string;
  /** Whether somebody needs the annotations of the alerts. Default: nobody does. */
  readonly wantsAnnotations?: () => boolean;
  /** The environment that may name a proxy. Default: that of the process. */
  readonly environment?: Environment;
  /** Default: the system resolves names. */
  readonly resolveHost?: ResolveHost;
  /** Judges the addresses that are connected to. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/** The firing alerts, as one Prometheus or all replicas together report them. */
export function createSharedSnapshot(options: SharedSnapshotStageOptions): SharedSnapshot {
  const { config } = options;
  logProxies(options);
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

function logProxies({ urls, config, environment = process.env, logger }: SharedSnapshotStageOptions): void {
  for (const url of urls) {
    try {
      logProxy(logger, url, prometheusProxy({ url, httpConfig: config.http_config, environment }));
    } catch {
      // Every query will report this error.
    }
  }
}
