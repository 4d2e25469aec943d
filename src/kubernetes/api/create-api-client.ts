import type { Registry } from 'prom-client';
import type { Clock } from '../../runtime/clock.ts';
import { SliceSchedule } from '../../runtime/slice-schedule.ts';
import type { Environment } from '../../proxy/proxy-environment.ts';
import { ApiClient } from './api-client.ts';
import { createApiMetrics } from './api-metrics.ts';
import { ApiTransport } from './api-transport.ts';
import { CallRate, type RateInForce } from '../call-rate.ts';
import { Connections } from './connections.ts';
import { Credentials } from './credentials.ts';
import { loadKubeConfig, type ClusterAccess } from './kube-config.ts';

export interface CreateApiClientOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly access: ClusterAccess;
  /** In whose slices answers are read. Default one of its own. */
  readonly schedule?: SliceSchedule;
  /** Calls a second in the long run, and at once after a rest. Default: see {@link CallRate}. */
  readonly qps?: number | undefined;
  readonly burst?: number | undefined;
  /** Told which limit holds. */
  readonly onRate?: (rate: RateInForce) => void;
  /** Connections at once; each stream holds one as long as it lasts. Default 32. */
  readonly maxConnections?: number;
  /** The longest answer of a call that is read. Default 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Where a proxy may be named. Default: that of the process. */
  readonly environment?: Environment;
  /** Of this program, for the User-Agent header. */
  readonly version: string;
}

/** The client with everything that it stands on. Nothing is read or connected before the first call. */
export function createApiClient(options: CreateApiClientOptions): ApiClient {
  const { clock, registry, access, qps, burst, onRate, maxConnections = 32, environment } = options;
  const { schedule = new SliceSchedule(clock) } = options;
  const rate = new CallRate({ clock, qps, burst, onChange: onRate });
  const onAnswer = rate.observe.bind(rate);
  const credentials = new Credentials(() => loadKubeConfig(access), clock, environment);
  const connections = new Connections(maxConnections);
  return new ApiClient({
    clock,
    credentials,
    connections,
    transport: new ApiTransport({ ...options, credentials, connections, schedule, onAnswer }),
    rate,
    metrics: createApiMetrics(registry, () => rate.qps),
  });
}
