import type { Dispatcher, fetch as undiciFetch, Response } from 'undici';
import type { HttpConfig } from '../config/http-config.ts';
import { byWayOf, type Environment } from '../outbound/proxy-environment.ts';
import { Slices } from '../runtime/slices.ts';
import type { Allowance, Selection } from '../text/json-selection.ts';
import {
  readAlertsResponse,
  readPrometheusData,
  type JsonObject,
  type PrometheusAlerts,
  type PrometheusResponse,
} from './alerts-response.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import { Connections } from '../outbound/connections.ts';
import { startDeadline, type Deadline } from '../runtime/deadline.ts';
import type { FetchPhase } from '../outbound/fetch-failure.ts';
import { readHttpAccess, tlsOptions, type HttpAccess, type TlsMaterial } from '../outbound/http-access.ts';
import {
  asPrometheusError,
  fetchFailure,
  PrometheusError,
  prometheusWords,
  statusFailure,
} from './prometheus-error.ts';
import { lookupOf, prometheusProxy } from './http-access.ts';
import { prometheusEndpoint, withAccess, type PrometheusEndpoint } from './prometheus-endpoint.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readBoundedBody } from '../text/bounded-body.ts';

export interface PrometheusClientOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  /** http or https, with any path prefix; `user:password@` becomes basic authentication. */
  readonly url: string;
  /** All of `prometheus.url`, including this URL: URLs that look alike without credentials are told apart by their position in it. */
  readonly urls?: readonly string[];
  /** The address of the host to connect to. Default: the system chooses. */
  readonly ip?: string;
  /** `prometheus.params`. */
  readonly params?: ReadonlyMap<string, readonly string[]>;
  /** For everything together: connection, headers and body. */
  readonly timeoutMs: number;
  /** The longest answer, after decompression. */
  readonly maxResponseBytes: number;
  /** The memory limit for the labels of all firing alerts, an estimate. */
  readonly maxFiringBytes: number;
  /** The version of this program, for the User-Agent header. */
  readonly version: string;
  /** `prometheus.http_config`. */
  readonly httpConfig: HttpConfig;
  /** The environment that may name a proxy. Default: that of the process. */
  readonly environment?: Environment;
  readonly fetch?: typeof undiciFetch;
  /** Judges the addresses that are connected to. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/** The share that one query has of limits that several queries have in common. */
export interface QueryShare {
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly maxFiringBytes: number;
  /** The state of the alerts whose labels are wanted. Default: firing. */
  readonly state?: 'firing' | 'pending';
  /** Whether their annotations are wanted. Default: no. */
  readonly annotations?: boolean;
}

/** A question other than which alerts are active. */
export interface Question {
  /** Such as `/api/v1/rules`. */
  readonly path: string;
  /** Its own parameters, before `prometheus.params`. */
  readonly query?: Readonly<Record<string, string>>;
}

/** Asks one Prometheus which alerts are active, and about itself. */
export interface PrometheusClient {
  /** The URL without credentials, for the log, and the address of the host if only one of its addresses is asked. */
  readonly address: string;
  /**
   * Identifies the client, also among clients at the same address with other credentials. It contains the credentials: do not log it.
   */
  readonly key: string;
  /**
   * Rejects with PrometheusError, whatever goes wrong, and with the signal's reason when the signal is aborted.
   * @param share of the limits; default: all of them
   */
  query(signal: AbortSignal, share?: QueryShare): Promise<PrometheusAlerts>;
  /**
   * Asks another question, and gives the selected members of the `data` of its answer, with the endpoint for a message about them.
   * Rejects as `query` does.
   */
  ask(
    question: Question,
    members: Readonly<Record<string, Selection>>,
    allowance: () => Allowance,
    signal: AbortSignal,
  ): Promise<readonly [data: JsonObject, endpoint: PrometheusEndpoint]>;
  /** A page that is not JSON. Rejects as `query` does. @param maxBytes a longer one is refused */
  text(path: string, maxBytes: number, signal: AbortSignal): Promise<string>;
  /** Closes the connections. A later query opens new ones. */
  close(): void;
}

interface Context extends PrometheusClientOptions {
  readonly endpoint: PrometheusEndpoint;
  /** Throws PrometheusError if there is no way. */
  readonly way: () => Way;
}

/** How the server is reached. The environment stays what it was at the start, so this is found out once. */
interface Way {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  /** The address to show people; names the proxy. */
  readonly address: string;
}

/** Reads the body of an answer. */
type Read<T> = (response: PrometheusResponse, slices: Slices) => Promise<T>;

/** Creates a client on undici's fetch, whose connections are kept alive. Throws TypeError if the URL is invalid. */
export function createPrometheusClient(options: PrometheusClientOptions): PrometheusClient {
  const endpoint = prometheusEndpoint(options.url, options);
  const { httpConfig, ip } = options;
  const connections = new Connections<TlsMaterial>({
    to: 'Prometheus',
    guardFor: options.guardFor,
    tlsOptions: (tls) => ({
      ...tlsOptions(httpConfig, tls, prometheusWords),
      ...(ip !== undefined && { lookup: lookupOf(ip) }),
    }),
  });
  let known: Way | undefined;
  const way = (): Way => (known ??= wayTo(endpoint, options));
  return {
    address: endpoint.address,
    key: replicaKey(options.url, options.ip),
    query: (signal, { timeoutMs, maxFiringBytes, state, annotations }: QueryShare = options) =>
      query({ ...options, endpoint, way }, connections, signal, timeoutMs, (response, slices) =>
        readAlertsResponse({ ...response, maxFiringBytes, state, annotations }, slices),
      ),
    ask: async (question, members, allowance, signal) => {
      const asked = { ...options, endpoint: prometheusEndpoint(options.url, { ...options, ...question }), way };
      return query(asked, connections, signal, options.timeoutMs, async (response, slices) => [
        await readPrometheusData(response, members, allowance, slices),
        response.endpoint,
      ]);
    },
    text: async (path, maxBytes, signal) => {
      const asked = { ...options, endpoint: prometheusEndpoint(options.url, { ...options, path }), way };
      return query(asked, connections, signal, options.timeoutMs, (response) => readText(response, maxBytes));
    },
    close: () => connections.close(),
  };
}

function wayTo({ address }: PrometheusEndpoint, options: PrometheusClientOptions): Way {
  const proxy = prometheusProxy({ environment: process.env, ...options });
  return { server: options.url, proxyUrl: proxy?.url, address: address + byWayOf(proxy) };
}

async function readText({ body, endpoint: { address, path } }: PrometheusResponse, maxBytes: number): Promise<string> {
  const { text, cut } = await readBoundedBody(body, maxBytes);
  if (!cut) return text;
  throw new PrometheusError('too_large', `Prometheus at ${address} answers ${path} with more than ${maxBytes} bytes.`);
}

/** Always the same for the same URL and address of its host. */
export function replicaKey(url: string, ip = ''): string {
  return `${url} ${ip}`;
}

async function query<T>(
  options: Context,
  connections: Connections<TlsMaterial>,
  signal: AbortSignal,
  timeoutMs: number,
  read: Read<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = startDeadline(options.clock, timeoutMs, signal);
  try {
    const access = await readHttpAccess(options.httpConfig, prometheusWords);
    const { address, ...way } = options.way();
    const context = { ...options, endpoint: { ...withAccess(options.endpoint, access), address } };
    const dispatcher = await connections.dispatcher({ ...way, tls: access.tls });
    const response = await send(context, access, dispatcher, deadline);
    if (response.status !== 200) throw await statusFailure(response, context.endpoint);
    return await readAnswer(response, context, deadline, read);
  } catch (error) {
    signal.throwIfAborted();
    throw asPrometheusError(error);
  } finally {
    // This also ends the connection if the body was not read to its end.
    deadline.end();
  }
}

async function send(
  context: Context,
  access: HttpAccess,
  dispatcher: Dispatcher,
  deadline: Deadline,
): Promise<Response> {
  const { endpoint, version } = context;
  const { default: undici } = await import('undici');
  const { fetch = undici.fetch } = context;
  const headers = new undici.Headers({ Accept: 'application/json', 'User-Agent': `tocsin/${version}` });
  for (const [name, value] of access.headers) headers.append(name, value);
  if (endpoint.authorization !== undefined) headers.set('Authorization', endpoint.authorization);
  try {
    // no-store: an answer from a proxy's cache could be older than the alert that woke us.
    const { signal } = deadline;
    return await fetch(endpoint.url, { headers, redirect: 'manual', cache: 'no-store', signal, dispatcher });
  } catch (error) {
    throw failure(error, 'connect', context, deadline);
  }
}

async function readAnswer<T>(response: Response, context: Context, deadline: Deadline, read: Read<T>): Promise<T> {
  const { body, headers } = response;
  const slices = new Slices(context.schedule, 'answers of Prometheus');
  try {
    return await read({ ...context, body, contentType: headers.get('content-type') }, slices);
  } catch (error) {
    throw error instanceof PrometheusError ? error : failure(error, 'body', context, deadline);
  }
}

function failure(error: unknown, phase: FetchPhase, context: Context, deadline: Deadline): PrometheusError {
  const { endpoint, timeoutMs } = context;
  if (!deadline.expired()) return fetchFailure(error, phase, endpoint.address);
  const what = phase === 'connect' ? 'did not answer' : 'began to answer but did not finish';
  return new PrometheusError(
    'timeout',
    `Prometheus at ${endpoint.address} ${what} within ${timeoutMs / 1000} s: is it overloaded or unreachable, or is prometheus.timeout too short?`,
  );
}
