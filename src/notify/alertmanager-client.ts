import type { Dispatcher, fetch as undiciFetch, Response } from 'undici';
import type { HttpConfig } from '../config/http-config.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import { Connections } from '../outbound/connections.ts';
import { describeFetchFailure, OutboundError, type FetchPhase, type ServerWords } from '../outbound/fetch-failure.ts';
import {
  proxyTo,
  quoteWithout,
  readHttpAccess,
  tlsOptions,
  urlAccess,
  type HttpAccess,
  type TlsMaterial,
} from '../outbound/http-access.ts';
import { byWayOf, type Environment } from '../outbound/proxy-environment.ts';
import type { Clock } from '../runtime/clock.ts';
import { startDeadline, type Deadline } from '../runtime/deadline.ts';
import { maskUrls } from '../runtime/masked-url.ts';
import { readBoundedBody } from '../text/bounded-body.ts';

/** Every way in which a call of an Alertmanager can fail. The set is closed, so that it can be a label of a metric. */
export const alertmanagerErrorKinds = [
  'refused',
  'dns',
  'tls',
  'timeout',
  'reset',
  'truncated',
  'network',
  'unreadable_file',
  'redirect',
  'unauthorized',
  'not_found',
  'rejected',
  'too_large',
  'http_error',
] as const;

export type AlertmanagerErrorKind = (typeof alertmanagerErrorKinds)[number];

/** An Alertmanager could not be told or asked. The message is one sentence: what was wrong, where, what to do. No credentials. */
export class AlertmanagerError extends Error {
  override readonly name = 'AlertmanagerError';
  readonly kind: AlertmanagerErrorKind;

  constructor(kind: AlertmanagerErrorKind, message: string, options?: ErrorOptions) {
    super(maskUrls(message), options);
    this.kind = kind;
  }
}

/** An entry of `notify.alertmanagers`. */
export interface AlertmanagerConfig {
  readonly url: string;
  readonly http_config: HttpConfig;
}

export interface PlacedAlertmanager extends AlertmanagerConfig {
  /** Its place in the list, for messages. */
  readonly place: number;
}

export interface AlertmanagerClientOptions {
  readonly clock: Clock;
  /** Asked each time: a reload may change its `http_config` and its place. */
  readonly config: () => PlacedAlertmanager;
  /** For everything together: connection, headers and body; milliseconds. */
  readonly timeoutMs: () => number;
  /** The version of this program, for the User-Agent header. */
  readonly version: string;
  /** Default: that of the process. */
  readonly environment?: Environment;
  readonly fetch?: typeof undiciFetch;
  /** Judges the addresses that are connected to. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/** Request Timeout, Too Early, Too Many Requests: the same request may be taken later. */
const busy: ReadonlySet<number> = new Set([408, 425, 429]);

/** The longest answer that is read, in bytes. */
const maxAnswerBytes = 256 * 1024;

/** Calls the API of one Alertmanager. The connections are kept alive. */
export class AlertmanagerClient {
  /** The URL without credentials, for the log. */
  readonly address: string;
  readonly #options: AlertmanagerClientOptions;
  readonly #connections: Connections<TlsMaterial>;

  constructor(options: AlertmanagerClientOptions) {
    this.#options = options;
    this.address = urlAccess(options.config().url).base;
    this.#connections = new Connections<TlsMaterial>({
      to: 'Alertmanager',
      guardFor: options.guardFor,
      tlsOptions: (tls) => tlsOptions(options.config().http_config, tls, this.#words),
    });
  }

  /** Gives it alerts, as JSON. Rejects with AlertmanagerError, or with the signal's reason. */
  async post(alerts: string, signal: AbortSignal): Promise<void> {
    await this.#call('POST', '/api/v2/alerts', alerts, signal);
  }

  /** The text of the answer. Rejects as {@link post} does. */
  get(path: string, signal: AbortSignal): Promise<string> {
    return this.#call('GET', path, undefined, signal);
  }

  close(): void {
    this.#connections.close();
  }

  async #call(method: string, path: string, body: string | undefined, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const deadline = startDeadline(this.#options.clock, this.#options.timeoutMs(), signal);
    try {
      const access = await this.#access();
      const response = await this.#send(method, path, body, access, deadline);
      const text = await this.#read(response, access, deadline);
      if (response.status !== 200) throw this.#refusal(response, text, access);
      return text;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof OutboundError ? new AlertmanagerError(error.kind, error.message, { cause: error }) : error;
    } finally {
      // This also ends the connection if the answer was not read to its end.
      deadline.end();
    }
  }

  get #words(): ServerWords {
    const key = `notify.alertmanagers.${this.#options.config().place}`;
    return { name: 'Alertmanager', url: `${key}.url`, httpConfig: `${key}.http_config` };
  }

  async #access(): Promise<Access> {
    const { url, http_config: httpConfig } = this.#options.config();
    const own = urlAccess(url);
    const given = await readHttpAccess(httpConfig, this.#words);
    const environment = this.#options.environment ?? process.env;
    const proxy = proxyTo({ url, httpConfig, environment, words: this.#words });
    const dispatcher = await this.#connections.dispatcher({ server: url, proxyUrl: proxy?.url, tls: given.tls });
    return {
      headers: given.headers,
      authorization: given.authorization ?? own.authorization,
      quote: quoteWithout([...own.secrets, ...given.secrets]),
      dispatcher,
      base: own.base,
      address: own.base + byWayOf(proxy),
    };
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
    access: Access,
    deadline: Deadline,
  ): Promise<Response> {
    const { default: undici } = await import('undici');
    const { fetch = undici.fetch, version } = this.#options;
    const headers = new undici.Headers({ Accept: 'application/json', 'User-Agent': `tocsin/${version}` });
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    for (const [name, value] of access.headers) headers.append(name, value);
    if (access.authorization !== undefined) headers.set('Authorization', access.authorization);
    const { dispatcher } = access;
    const { signal } = deadline;
    const url = access.base + path;
    try {
      return await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal,
        dispatcher,
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw this.#failure(error, 'connect', access, deadline);
    }
  }

  async #read(response: Response, access: Access, deadline: Deadline): Promise<string> {
    try {
      return (await readBoundedBody(response.body, maxAnswerBytes)).text;
    } catch (error) {
      throw this.#failure(error, 'body', access, deadline);
    }
  }

  #failure(error: unknown, phase: FetchPhase, { address }: Access, deadline: Deadline): Error {
    if (!deadline.expired()) return describeFetchFailure(error, phase, address, this.#words);
    const seconds = this.#options.timeoutMs() / 1000;
    return new AlertmanagerError(
      'timeout',
      `Alertmanager at ${address} did not answer within ${seconds} s: is it overloaded or unreachable, or is notify.timeout too short?`,
    );
  }

  /** The meaning of an answer other than 200. */
  #refusal({ status, headers }: Response, text: string, { address, authorization, quote }: Access): AlertmanagerError {
    const said = `${status} ${text.trim() === '' ? 'without a reason' : `"${quote(text)}"`}`;
    const at = `Alertmanager at ${address}`;
    const { url, httpConfig } = this.#words;
    if (status >= 300 && status < 400) {
      const location = quote(headers.get('location') ?? 'nowhere');
      const remedy = `which is not followed: set ${url} to where it really is.`;
      return new AlertmanagerError('redirect', `${at} redirects to ${location} (${status}), ${remedy}`);
    }
    if (status === 401 || status === 403) {
      const remedy =
        authorization === undefined
          ? `set basic_auth or authorization in ${httpConfig}`
          : `are the credentials of ${httpConfig} or ${url} right, and may they post alerts?`;
      return new AlertmanagerError('unauthorized', `${at} answered ${said}: ${remedy}`);
    }
    if (status === 404 || status === 405) {
      const remedy = `is a path prefix missing in ${url}, or is that not an Alertmanager?`;
      return new AlertmanagerError('not_found', `${at} has no such API, it answered ${said}: ${remedy}`);
    }
    if (status === 413) {
      const remedy = 'lower notify.batch_size, or raise the limit of the proxy before it.';
      return new AlertmanagerError('too_large', `${at} takes no request that long, it answered ${said}: ${remedy}`);
    }
    if (status >= 500 || busy.has(status))
      return new AlertmanagerError(
        'http_error',
        `${at} answered ${said}: is it starting, overloaded or behind a broken proxy?`,
      );
    return new AlertmanagerError('rejected', `${at} answered ${said}: does notify.labels suit it?`);
  }
}

interface Access extends Pick<HttpAccess, 'headers' | 'authorization'> {
  readonly quote: (text: string) => string;
  readonly dispatcher: Dispatcher;
  readonly base: string;
  /** With the proxy, if there is one. */
  readonly address: string;
}
