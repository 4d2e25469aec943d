import type { LookupFunction } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import type { Agent, Dispatcher } from 'undici';
import type { GuardFor } from './address-guard.ts';

/** How a server is reached at present, and the TLS that this needs. */
export interface Way<Tls> {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  readonly tls: Tls;
}

interface ConnectionsOptions<Tls> {
  /** The other end, for a message. */
  readonly to: string;
  /** How many connections there may be, and how long an idle connection stays. */
  readonly pool?: Omit<Agent.Options, 'connect'>;
  /** Applies to each connection, including a connection to a proxy. */
  readonly socket?: object;
  /** Judges the addresses to which connections are made, by the URL of the server or of the proxy. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
  /** Turns the TLS material into Node's options; throws if it is unusable, and then the pool stays as it is. */
  readonly tlsOptions: (tls: Tls) => object;
}

/** The caller's deadline bounds the whole call, so the single timeouts are off: 0 means never. */
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 };

/** The connections to one server: they are kept alive between calls, and replaced when a certificate, a key or the way there changes. */
export class Connections<Tls> {
  readonly #options: ConnectionsOptions<Tls>;
  #current: { readonly way: Way<Tls>; readonly dispatcher: Dispatcher } | undefined;
  #isCut = false;

  constructor(options: ConnectionsOptions<Tls>) {
    this.#options = options;
  }

  /** The pool for this way. Requests on an older pool come to their end there, and then that pool is closed. */
  async dispatcher({ server, proxyUrl, tls }: Way<Tls>): Promise<Dispatcher> {
    const undici = await importUndici();
    await this.#checkBeyond(server, proxyUrl);
    if (this.#isCut) throw new Error(`the connections to ${this.#options.to} are closed`);
    const way = { server, proxyUrl, tls };
    if (this.#current !== undefined && isDeepStrictEqual(this.#current.way, way)) return this.#current.dispatcher;
    const dispatcher = this.#create(undici, way);
    this.close();
    this.#current = { way, dispatcher };
    return dispatcher;
  }

  /** Lets running requests come to their end. A later call opens new connections. */
  close(): void {
    // It fails only if it is already closed.
    this.#current?.dispatcher.close().catch(() => undefined);
    this.#current = undefined;
  }

  /** Cuts every connection, for good. A replaced pool ends with the call that runs on it: undici does not cut a pool that is closing. */
  async cut(): Promise<void> {
    this.#isCut = true;
    await this.#current?.dispatcher.destroy();
  }

  /** A proxy of the admin reaches what is private. It looks names up itself, so nothing more can be known of them here. */
  async #checkBeyond(server: string, proxyUrl: string | undefined): Promise<void> {
    const guard = proxyUrl === undefined ? undefined : this.#options.guardFor?.(server);
    guard?.check(server);
    await guard?.checkName(server);
  }

  #create({ Agent, ProxyAgent }: typeof import('undici').default, { server, proxyUrl, tls }: Way<Tls>): Dispatcher {
    const { pool, socket, tlsOptions, guardFor } = this.#options;
    const guard = guardFor?.(proxyUrl ?? server);
    guard?.check(proxyUrl ?? server);
    const connect: { readonly lookup?: LookupFunction } = { ...socket, ...tlsOptions(tls) };
    if (proxyUrl === undefined) {
      const guarded = guard === undefined ? connect : { ...connect, lookup: guard.around(connect.lookup) };
      return new Agent({ ...noTimeouts, ...pool, connect: guarded });
    }
    return new ProxyAgent({
      ...noTimeouts,
      ...pool,
      uri: proxyUrl,
      requestTls: connect,
      ...(guard && { proxyTls: { lookup: guard.around() } }),
      ...(socket && { connect: socket }),
    });
  }
}

/**
 * Imported only here: where nothing is asked, the start must not wait for it. undici reads the heads of answers with WebAssembly, which
 * V8 would soon compile a second time, with its optimizing compiler. That takes 24 MiB for one large function, some ten
 * of which stay with the process, and no call takes less CPU for it. The flags hold for WebAssembly alone.
 */
async function importUndici(): Promise<typeof import('undici').default> {
  setFlagsFromString('--no-wasm-dynamic-tiering');
  setFlagsFromString('--no-wasm-tier-up');
  // The default export, since the bundle gives a CommonJS module no other export.
  return (await import('undici')).default;
}
