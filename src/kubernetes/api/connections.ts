import { isDeepStrictEqual } from 'node:util';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Access } from './credentials.ts';

/** As client-go: below the minute after which load balancers forget a quiet connection. */
const keepAliveProbeMs = 30_000;
const connectTimeoutMs = 10_000;
/** Below the 90 s after which the API server closes an idle connection: it must not do so while a call is on its way. */
const idleTimeoutMs = 60_000;

/** One pool of connections for all calls, replaced when the certificates that it was made with rotate. */
export class Connections {
  readonly #maxConnections: number;
  #current: { readonly key: unknown; readonly dispatcher: Dispatcher } | undefined;
  readonly #replaced = new Set<Dispatcher>();
  #closed = false;

  /** @param maxConnections each stream holds one for as long as it lasts; calls share the rest, and wait for one */
  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections;
  }

  /** The pool for this access. What runs on an older one ends there, and then it is closed. */
  dispatcher({ server, proxy, tls }: Access): Dispatcher {
    if (this.#closed) throw new Error('the connections to the API server are closed');
    const key = { server, proxyUrl: proxy?.url, tls };
    if (this.#current !== undefined && isDeepStrictEqual(this.#current.key, key)) return this.#current.dispatcher;
    if (this.#current !== undefined) this.#retire(this.#current.dispatcher);
    const dispatcher = this.#create(key);
    this.#current = { key, dispatcher };
    return dispatcher;
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#replaced, ...(this.#current === undefined ? [] : [this.#current.dispatcher])];
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }

  #retire(dispatcher: Dispatcher): void {
    this.#replaced.add(dispatcher);
    const forget = (): void => void this.#replaced.delete(dispatcher);
    dispatcher.close().then(forget, forget);
  }

  #create({ proxyUrl, tls }: { readonly proxyUrl: string | undefined; readonly tls: Access['tls'] }): Dispatcher {
    const options = {
      connections: this.#maxConnections,
      // HTTP/1.1: a stream and the calls beside it must not share one connection's fate.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
      // Deadlines are the caller's.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const socket = { keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs, timeout: connectTimeoutMs };
    if (proxyUrl === undefined) return new Agent({ ...options, connect: { ...socket, ...tls } });
    return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: { ...socket, ...tls }, connect: socket });
  }
}
