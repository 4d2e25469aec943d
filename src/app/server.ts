import type { AddressInfo } from 'node:net';
import { AdmissionServer, type AdmissionOptions } from './admission-server.ts';
import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import type { Reviews } from '../access/reviews.ts';
import type { RightsOf } from '../access/rights.ts';
import { Connections } from '../server/connections.ts';
import { GuardedServer, type WebOptions } from '../server/guarded-server.ts';
import type { LiveLimits } from '../server/http-server.ts';
import { createHttpMetrics, type HttpMetrics, type LimitName } from '../server/request/http-metrics.ts';
import type { RequestTenants } from '../server/request/tenancy.ts';
import { KubernetesDoor } from '../server/web/kubernetes-door.ts';
import type { RouteTable } from '../server/routes.ts';
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
  readonly admission?: AdmissionOptions | undefined;
  /** Whose each request is, if there are tenants. */
  readonly requestTenants: RequestTenants;
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

export function createServer(options: ServerOptions, connections: Connections, routes: RouteTable): Servers {
  const { web = { routePrefix: '' }, admission } = options;
  const config = options.config();
  const limits = {
    ...headLimits(config),
    ...liveLimits(config),
    tlsHandshakeTimeoutMs: config.receiver.tls_handshake_timeout,
  };
  const main = new GuardedServer({
    ...options,
    ...limits,
    connections,
    web,
    routes,
  });
  const { webMetrics } = main;
  return new Servers(
    main,
    admission && new AdmissionServer({ ...options, ...limits, connections, webMetrics, admission }),
  );
}

/** The server for everybody and, if there is one, that for the API server. */
export class Servers {
  readonly #main: GuardedServer;
  readonly #admission: AdmissionServer | undefined;

  constructor(main: GuardedServer, admission: AdmissionServer | undefined) {
    this.#main = main;
    this.#admission = admission;
  }

  /** Returns the address of the main one, once both accept connections. */
  async listen(address: ListenAddress): Promise<AddressInfo> {
    const main = await this.#main.listen(address);
    await this.#admission?.listen();
    return main;
  }

  /** See {@link GuardedServer.prepareReload}. */
  prepareReload(): () => void {
    return this.#main.prepareReload();
  }

  set limits(limits: LiveLimits) {
    this.#main.server.limits = limits;
    if (this.#admission !== undefined) this.#admission.limits = limits;
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all([this.#main.close(timeoutMs), this.#admission?.close(timeoutMs)]);
  }
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
