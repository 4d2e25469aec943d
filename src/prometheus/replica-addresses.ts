import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { fetchFailure, PrometheusError } from './prometheus-error.ts';
import {
  createPrometheusClient,
  replicaKey,
  type PrometheusClient,
  type PrometheusClientOptions,
} from './prometheus-client.ts';
import { withSignal } from '../runtime/deadline.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';

/** Resolves to every address of a host, as getaddrinfo does; rejects as `node:dns` does. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export interface ReplicaAddressesOptions extends Omit<PrometheusClientOptions, 'url' | 'ip'> {
  readonly urls: readonly string[];
  /** `prometheus.resolve`. */
  readonly resolve: 'one' | 'all';
  readonly resolveHost?: ResolveHost;
}

/**
 * The clients to ask: the Prometheus of each URL, or, with `resolve: all`, the Prometheus at every address of its host. Each client
 * keeps its connections from look to look; those of an address that is gone are closed.
 */
export class ReplicaAddresses {
  readonly #options: ReplicaAddressesOptions;
  readonly #clients = new Map<string, PrometheusClient>();

  constructor(options: ReplicaAddressesOptions) {
    this.#options = options;
  }

  /**
   * Resolves every name anew. A name that does not resolve, or not before the signal is aborted, yields a client that fails with
   * exactly that error. Never rejects.
   */
  async current(signal: AbortSignal): Promise<readonly PrometheusClient[]> {
    const { urls, resolve } = this.#options;
    if (resolve === 'one') return urls.map((url) => this.#client(url));
    const groups = await Promise.all(urls.map((url) => this.#resolved(url, signal)));
    const clients = [...new Set(groups.flat())];
    const kept = new Set(clients);
    for (const [key, client] of this.#clients) if (!kept.has(client)) this.#drop(key, client);
    return clients;
  }

  close(): void {
    for (const [key, client] of this.#clients) this.#drop(key, client);
  }

  async #resolved(url: string, signal: AbortSignal): Promise<readonly PrometheusClient[]> {
    const { urls, resolveHost = systemLookup } = this.#options;
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    try {
      const ips = isIP(host) === 0 ? await withSignal(resolveHost(host), signal) : [host];
      // Sorted, since DNS rotates them: with a limit, always the same addresses are asked.
      return [...new Set(ips)].toSorted().map((ip) => this.#client(url, ip));
    } catch (error) {
      return [unresolved(url, urls, error)];
    }
  }

  #client(url: string, ip?: string): PrometheusClient {
    const key = replicaKey(url, ip);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = createPrometheusClient({ ...this.#options, url, ...(ip !== undefined && { ip }) });
      this.#clients.set(key, client);
    }
    return client;
  }

  /** Lets the running query come to its end. */
  #drop(key: string, client: PrometheusClient): void {
    this.#clients.delete(key);
    client.close();
  }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function unresolved(url: string, urls: readonly string[], error: unknown): PrometheusClient {
  const { address } = prometheusEndpoint(url, { urls });
  const fail = (): Promise<never> =>
    Promise.reject(error instanceof PrometheusError ? error : fetchFailure(error, 'connect', address));
  return {
    address,
    key: replicaKey(url),
    query: fail,
    ask: fail,
    text: fail,
    close: () => undefined,
  };
}
