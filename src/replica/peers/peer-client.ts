import type { Dispatcher, Response } from 'undici';
import type { HttpConfig } from '../../config/http-config.ts';
import { Connections } from '../../outbound/connections.ts';
import { describeFetchFailure, type FetchPhase, type ServerWords } from '../../outbound/fetch-failure.ts';
import { quoteWithout, readHttpAccess, tlsOptions, type TlsMaterial } from '../../outbound/http-access.ts';
import type { Clock } from '../../runtime/clock.ts';
import { startDeadline, type Deadline } from '../../runtime/deadline.ts';
import { readBoundedBody } from '../../text/bounded-body.ts';

/** The longest answer of a peer that is read, bytes. */
export const peerAnswerBytes = 16 * 1024 * 1024;

/** The connections to one peer. */
const maxConnections = 4;

export interface PeerRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/api/peers/v1/`, with its query. */
  readonly path: string;
  readonly body?: { readonly type: string; readonly content: string | Buffer };
  /** For everything together, milliseconds. */
  readonly timeoutMs: number;
}

/** A peer refused. The message is one sentence for the log. */
export class PeerRefusal extends Error {
  override readonly name = 'PeerRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface PeerClientOptions {
  readonly clock: Clock;
  /** Without a slash at its end. */
  readonly url: string;
  /** `replicas.http_config`; asked each time, because a reload may change it. */
  readonly httpConfig: () => HttpConfig;
  /** What this replica proves itself with. Rejects with an error for the log if it cannot be read. */
  readonly token: () => Promise<string>;
  /** Name of this replica, which its peers write into their logs. */
  readonly me: string;
}

const words: ServerWords = { name: 'the peer', url: 'replicas.peers', httpConfig: 'replicas.http_config' };

/** Calls one other replica, over a few connections that are kept. */
export class PeerClient {
  readonly url: string;
  readonly #options: PeerClientOptions;
  readonly #connections: Connections<TlsMaterial>;
  readonly #closed = new AbortController();

  constructor(options: PeerClientOptions) {
    this.#options = options;
    this.url = options.url;
    this.#connections = new Connections<TlsMaterial>({
      to: 'a peer',
      pool: { connections: maxConnections },
      tlsOptions: (tls) => tlsOptions(options.httpConfig(), tls, words),
    });
  }

  /** The text of the answer. Rejects with PeerRefusal, or with an error whose message is for the log. */
  async call(request: PeerRequest): Promise<string> {
    this.#closed.signal.throwIfAborted();
    const deadline = startDeadline(this.#options.clock, request.timeoutMs, this.#closed.signal);
    try {
      const token = await this.#options.token();
      const access = await readHttpAccess(this.#options.httpConfig(), words);
      const way = { server: this.url, proxyUrl: undefined, tls: access.tls };
      const dispatcher = await this.#connections.dispatcher(way);
      const response = await this.#send(request, token, access.headers, dispatcher, deadline);
      const { text, cut } = await this.#read(response, request, deadline);
      if (response.status !== 200) throw this.#refused(request, response.status, quoteWithout([token])(text));
      if (cut) throw new Error(`${this.#target(request)}: the answer is longer than ${peerAnswerBytes} bytes`);
      return text;
    } finally {
      deadline.end();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('the peer is no longer asked'));
    await this.#connections.cut();
  }

  async #send(
    request: PeerRequest,
    token: string,
    given: readonly (readonly [string, string])[],
    dispatcher: Dispatcher,
    deadline: Deadline,
  ): Promise<Response> {
    const { default: undici } = await import('undici');
    const headers = new undici.Headers({ Authorization: `Bearer ${token}`, 'Tocsin-Peer': this.#options.me });
    for (const [name, value] of given) headers.append(name, value);
    const { method, path, body } = request;
    if (body !== undefined) headers.set('Content-Type', body.type);
    try {
      return await undici.fetch(`${this.url}/api/peers/v1/${path}`, {
        method,
        headers,
        redirect: 'manual',
        signal: deadline.signal,
        dispatcher,
        ...(body !== undefined && { body: body.content }),
      });
    } catch (error) {
      throw this.#failure(error, 'connect', request, deadline);
    }
  }

  async #read(
    response: Response,
    request: PeerRequest,
    deadline: Deadline,
  ): Promise<{ readonly text: string; readonly cut: boolean }> {
    try {
      return await readBoundedBody(response.body, peerAnswerBytes);
    } catch (error) {
      throw this.#failure(error, 'body', request, deadline);
    }
  }

  #failure(error: unknown, phase: FetchPhase, request: PeerRequest, deadline: Deadline): Error {
    if (!deadline.expired()) return describeFetchFailure(error, phase, this.url, words);
    return new Error(`${this.#target(request)}: no answer within ${request.timeoutMs / 1000} s`);
  }

  #refused(request: PeerRequest, status: number, said: string): PeerRefusal {
    return new PeerRefusal(
      status,
      `${this.#target(request)}: ${status} ${said === '' ? 'without a reason' : `"${said}"`}`,
    );
  }

  #target({ method, path }: PeerRequest): string {
    return `${method} ${this.url}/api/peers/v1/${path.replace(/\?.*/s, '')}`;
  }
}
