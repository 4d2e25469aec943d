import { isDeepStrictEqual } from 'node:util';
import type { Agent, Dispatcher } from 'undici';

/** By what way a server is reached at present, and the TLS that it asks for. */
export interface Way<Tls> {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  readonly tls: Tls;
}

interface ConnectionsOptions<Tls> {
  /** Who is at the other end, for a message. */
  readonly to: string;
  /** How many connections, and how long an idle one stays. */
  readonly pool?: Omit<Agent.Options, 'connect'>;
  /** Of each connection, that to a proxy too. */
  readonly socket?: object;
  /** What Node's TLS makes of it; throws if it is of no use, and then the pool stays as it is. */
  readonly tlsOptions: (tls: Tls) => object;
}

/** Deadlines are the caller's, and hold for a call as a whole: 0 is never. */
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 };

/** The connections to one server: kept alive from call to call, replaced when a certificate, a key or the way there changes. */
export class Connections<Tls> {
  readonly #options: ConnectionsOptions<Tls>;
  #current: { readonly way: Way<Tls>; readonly dispatcher: Dispatcher } | undefined;
  #isCut = false;

  constructor(options: ConnectionsOptions<Tls>) {
    this.#options = options;
  }

  /** The pool for this way. What runs on an older one ends there, and then that is closed. */
  async dispatcher({ server, proxyUrl, tls }: Way<Tls>): Promise<Dispatcher> {
    // Only now: where nothing is asked, the start must not wait for it.
    // Its default export: the bundle has no other one of a CommonJS module.
    const { default: undici } = await import('undici');
    if (this.#isCut) throw new Error(`the connections to ${this.#options.to} are closed`);
    const way = { server, proxyUrl, tls };
    if (this.#current !== undefined && isDeepStrictEqual(this.#current.way, way)) return this.#current.dispatcher;
    const dispatcher = this.#create(undici, way);
    this.close();
    this.#current = { way, dispatcher };
    return dispatcher;
  }

  /** What is under way comes to its end. A later call opens new ones. */
  close(): void {
    // It fails only if it is closed already.
    this.#current?.dispatcher.close().catch(() => undefined);
    this.#current = undefined;
  }

  /** Cuts every connection, for good. One that was replaced ends with the call that runs on it: undici cuts no pool that is closing. */
  async cut(): Promise<void> {
    this.#isCut = true;
    await this.#current?.dispatcher.destroy();
  }

  #create({ Agent, ProxyAgent }: typeof import('undici').default, { proxyUrl, tls }: Way<Tls>): Dispatcher {
    const { pool, socket, tlsOptions } = this.#options;
    const connect = { ...socket, ...tlsOptions(tls) };
    if (proxyUrl === undefined) return new Agent({ ...noTimeouts, ...pool, connect });
    return new ProxyAgent({
      ...noTimeouts,
      ...pool,
      uri: proxyUrl,
      requestTls: connect,
      ...(socket && { connect: socket }),
    });
  }
}
