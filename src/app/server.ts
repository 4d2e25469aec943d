import type { Config } from '../config/config.ts';
import type { Reviews } from '../access/reviews.ts';
import type { RightsOf } from '../access/rights.ts';
import { pageRoutes } from '../receiver/page/incident-page.ts';
import { Connections } from '../server/connections.ts';
import { GuardedServer, type WebOptions } from '../server/guarded-server.ts';
import type { LiveLimits } from '../server/http-server.ts';
import { createHttpMetrics, type HttpMetrics, type LimitName } from '../server/request/http-metrics.ts';
import { KubernetesDoor } from '../server/web/kubernetes-door.ts';
import { Routes, type Route } from '../server/routes.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface ServerOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly metrics: HttpMetrics;
  readonly kubernetes: KubernetesDoor;
  /** The rights of a request's sender. */
  readonly rightsOf: RightsOf;
  /** The settings of the flags `--web.*`. */
  readonly web?: WebOptions | undefined;
  /** The files of the incident page. Default: there is no page. */
  readonly pageFolder?: string | undefined;
}

/** What counts requests, and what judges those whom Kubernetes knows; both belong to server and receiver. */
export function createDoor(
  runtime: Runtime & Pick<ServerOptions, 'config'>,
  reviews: Reviews | undefined,
  status: { limitReached(limit: LimitName): void },
): Pick<ServerOptions, 'metrics' | 'kubernetes' | 'rightsOf'> {
  const metrics = createHttpMetrics(runtime.registry, (limit) => status.limitReached(limit));
  const namespaceLabel = (): string => runtime.config().triggers.namespace_label;
  const kubernetes = new KubernetesDoor({ ...runtime, metrics, reviews, namespaceLabel });
  return { metrics, kubernetes, rightsOf: kubernetes.rightsOf };
}

/**
 * @param maxBytes the most that they may hold together: `receiver.max_connection_memory`, or less if there is not enough memory
 */
export function createConnections(options: ServerOptions, maxBytes: () => number): Connections {
  return new Connections({ ...options, ...headLimits(options.config()), maxBytes });
}

export function createServer(
  options: ServerOptions,
  connections: Connections,
  routes: readonly Route[],
): GuardedServer {
  const { web = { routePrefix: '' } } = options;
  const config = options.config();
  return new GuardedServer({
    ...options,
    connections,
    web,
    routes: new Routes([...routes, ...pageRoutes(options.pageFolder)]),
    ...headLimits(config),
    ...liveLimits(config),
    tlsHandshakeTimeoutMs: config.receiver.tls_handshake_timeout,
  });
}

/** The limits that only a restart changes. */
function headLimits({ receiver }: Config): { readonly maxHeaders: number; readonly maxHeaderBytes: number } {
  return { maxHeaders: receiver.max_headers, maxHeaderBytes: receiver.max_header_size };
}

/** The limits that a reload changes. */
export function liveLimits({ receiver }: Config): LiveLimits {
  return {
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
  };
}
