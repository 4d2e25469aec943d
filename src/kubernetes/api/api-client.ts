import type { Readable } from 'node:stream';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../runtime/clock.ts';
import { startDeadline, sleep } from '../../runtime/deadline.ts';
import { ApiTransport, type ApiCall } from './api-transport.ts';
import { ApiError } from './api-error.ts';
import { CallRate, type RateInForce } from '../call-rate.ts';
import { Credentials, type TlsMaterial } from './credentials.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { denyPrivate, type AddressGuard } from '../../outbound/address-guard.ts';
import { Connections } from '../../outbound/connections.ts';
import type { Environment } from '../../outbound/proxy-environment.ts';
import { loadKubeConfig, type ClusterAccess } from './kube-config.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { UrgentSignals } from '../../runtime/deadline.ts';
import { alwaysLeads, type Leadership } from '../../replica/leadership.ts';
import { WriteGate } from './write-gate.ts';

interface ApiClientOptions {
  readonly clock: Clock;
  readonly transport: Pick<ApiTransport, 'send' | 'readAnswer'>;
  readonly credentials: Pick<Credentials, 'renew' | 'close'>;
  readonly connections: Pick<Connections<TlsMaterial>, 'cut'>;
  readonly rate: Pick<CallRate, 'acquire' | 'acquireForEvent'>;
  readonly metrics: ApiMetrics;
  /** The signals of calls that go before others. Default: there are none. */
  readonly urgent?: Pick<UrgentSignals, 'has'> | undefined;
  /** Stops writes of a process that does not lead. Default: it leads. */
  readonly gate?: WriteGate | undefined;
}

const defaultTimeoutMs = 30_000;
/** How often a call is repeated if the server asks for it. If the server asks for a longer wait than this, the caller gets the error. */
const maxRetries = 5;
const maxRetryAfterMs = 10_000;

/**
 * The only way to the API server: one pool of connections, one rate limit, a deadline on every call. A call that the server asks to
 * repeat later (429, or 503 with Retry-After) is repeated, a few times; credentials that it refuses are read anew once. Every other
 * failure rejects at once with an ApiError; an aborted signal rejects with its reason; a write of a process that does not lead, or
 * leads no more, rejects with NotLeadingError.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #never = new AbortController().signal;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /** The part of the answer that the call keeps; undefined for an empty answer. */
  call<T>(call: ApiCall): Promise<T> {
    const { gate } = this.#options;
    const once = (signal: AbortSignal): Promise<unknown> => this.#callOnce(call, signal);
    return this.#attempts(call, (signal) => gate?.run(call, signal, once) ?? once(signal)) as Promise<T>;
  }

  /**
   * The body of the answer as it arrives, without a deadline: the reader ends it, through the signal or by destroying it. Its errors
   * are those of the network, not ApiErrors.
   */
  open(call: ApiCall): Promise<Readable> {
    return this.#attempts(call, (signal) => this.#openOnce(call, signal));
  }

  /** Cuts every connection: running calls reject, and so does every later call. */
  async close(): Promise<void> {
    this.#options.credentials.close();
    this.#options.gate?.close();
    await this.#options.connections.cut();
  }

  async #attempts<T>(call: ApiCall, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, credentials, metrics } = this.#options;
    const { signal = this.#never } = call;
    let renewed = false;
    for (let retries = 0; ;) {
      await this.#waitForTurn(call, signal);
      signal.throwIfAborted();
      try {
        const answer = await attempt(signal);
        metrics.called(call.method, 200);
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        metrics.called(call.method, error.status);
        const delayMs = retryDelayMs(error);
        if (error.status === 401 && !renewed) {
          renewed = true;
          credentials.renew();
        } else if (delayMs !== undefined && retries++ < maxRetries) await sleep(clock, delayMs, signal);
        else throw error;
      }
    }
  }

  async #waitForTurn({ isEvent = false }: ApiCall, signal: AbortSignal): Promise<void> {
    const { metrics, rate, urgent } = this.#options;
    if (isEvent) await rate.acquireForEvent(signal);
    else metrics.waited((await rate.acquire(signal, urgent?.has(signal))) / 1000);
  }

  async #callOnce(call: ApiCall, signal: AbortSignal): Promise<unknown> {
    const { clock, transport } = this.#options;
    const deadline = startDeadline(clock, call.timeoutMs ?? defaultTimeoutMs, signal);
    try {
      return await transport.readAnswer(call, await transport.send(call, deadline.signal));
    } catch (error) {
      throw deadline.expired() ? lateError(call, error) : error;
    } finally {
      deadline.end();
    }
  }

  async #openOnce(call: ApiCall, signal: AbortSignal): Promise<Readable> {
    const { clock, transport } = this.#options;
    const deadline = startDeadline(clock, call.timeoutMs ?? defaultTimeoutMs, signal);
    try {
      const body = await transport.send(call, deadline.signal);
      deadline.lift();
      // The caller's signal lives longer than the stream, and must not accumulate listeners.
      body.once('close', () => deadline.end());
      return body;
    } catch (error) {
      deadline.end();
      throw deadline.expired() ? lateError(call, error) : error;
    }
  }
}

/** How long to wait before the call is repeated; undefined if it must not be repeated. */
function retryDelayMs({ status, retryAfterMs }: ApiError): number | undefined {
  if (status !== 429 && !(status === 503 && retryAfterMs !== undefined)) return undefined;
  const delayMs = retryAfterMs ?? 1000;
  return delayMs <= maxRetryAfterMs ? delayMs : undefined;
}

/** A call that got no credentials was never made, and the error says so. */
function lateError({ method, path, timeoutMs = defaultTimeoutMs }: ApiCall, cause: unknown): ApiError {
  if (cause instanceof ApiError && cause.reason === 'Credentials') return cause;
  const message = `${method} ${path}: no answer, or not the whole of it, within ${timeoutMs / 1000} s`;
  return new ApiError(message, { reason: 'Timeout', cause });
}

export interface CreateApiClientOptions extends Pick<Runtime, 'clock' | 'registry'> {
  readonly access: ClusterAccess;
  /** Answers are read within its slices. Default: a schedule of its own. */
  readonly schedule?: SliceSchedule;
  /** Calls per second in the long run, and at once after a pause. Default: see {@link CallRate}. */
  readonly qps?: number | undefined;
  readonly burst?: number | undefined;
  /** See {@link ApiClientOptions}. */
  readonly urgent?: Pick<UrgentSignals, 'has'> | undefined;
  /** Writes only while this leads. Default: it always does. */
  readonly leadership?: Leadership | undefined;
  /** Called with the limit in force. */
  readonly onRate?: (rate: RateInForce) => void;
  /** The most connections at once; each stream holds one as long as it lasts. Default 32. */
  readonly maxConnections?: number;
  /** The longest answer of a call. Default 64 MiB. */
  readonly maxResponseBytes?: number;
  /** The environment that may name a proxy. Default: that of the process. */
  readonly environment?: Environment;
  /** The version of this program, for the User-Agent header. */
  readonly version: string;
}

/** Creates the client with everything it needs. Nothing is read or connected before the first call. */
export function createApiClient(options: CreateApiClientOptions): ApiClient {
  const { clock, registry, access, qps, burst, onRate, maxConnections = 32, environment } = options;
  const { schedule = new SliceSchedule(clock) } = options;
  const rate = new CallRate({ clock, qps, burst, onChange: onRate });
  const onAnswer = rate.observe.bind(rate);
  const credentials = new Credentials(() => loadKubeConfig(access), clock, environment);
  const guard = access.servers?.denyPrivate === true ? denyPrivate() : undefined;
  const connections = connectionsToServer(maxConnections, guard);
  const gate = gateOf(options);
  return new ApiClient({
    clock,
    gate,
    urgent: options.urgent,
    credentials,
    connections,
    transport: new ApiTransport({ ...options, gate, credentials, connections, schedule, onAnswer }),
    rate,
    metrics: createApiMetrics(registry, () => rate.qps),
  });
}

/** A process that always leads needs no gate. */
function gateOf({ leadership = alwaysLeads, clock }: CreateApiClientOptions): WriteGate | undefined {
  return leadership === alwaysLeads ? undefined : new WriteGate(leadership, clock);
}

/** As in client-go: below the minute after which load balancers forget a quiet connection. */
const keepAliveProbeMs = 30_000;
const connectTimeoutMs = 10_000;
/** Below the 90 s after which the API server closes an idle connection: it must not do so while a call is on its way. */
const idleTimeoutMs = 60_000;

function connectionsToServer(maxConnections: number, guard: AddressGuard | undefined): Connections<TlsMaterial> {
  return new Connections({
    to: 'the API server',
    pool: {
      connections: maxConnections,
      // HTTP/1.1: a stream and the calls beside it must not share the fate of one connection.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
    },
    socket: { keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs, timeout: connectTimeoutMs },
    tlsOptions: (tls) => tls,
    ...(guard && { guardFor: () => guard }),
  });
}

interface ApiMetrics {
  /** @param status undefined if there was no answer */
  called(method: string, status: number | undefined): void;
  /** How long a call waited for the rate limit. */
  waited(seconds: number): void;
}

const codes = [200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504];

/**
 * Metrics of the calls of the API server, with client-go's names. `<error>` is a call without an answer, as in client-go.
 * @param qps the calls allowed per second; 0: Tocsin sets no limit; read at each scrape
 */
function createApiMetrics(registry: Registry, qps: () => number): ApiMetrics {
  const registers = [registry];
  const requests = new Counter({
    registers,
    name: 'rest_client_requests_total',
    help: 'Calls of the Kubernetes API server; a 2xx counts as 200, a rare code as other, no answer as <error>.',
    labelNames: ['method', 'code'],
  });
  const waits = new Histogram({
    registers,
    name: 'rest_client_rate_limiter_duration_seconds',
    help: 'How long a call of the Kubernetes API server waited for the rate limit of the client.',
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
  });
  new Gauge({
    registers,
    name: 'tocsin_api_rate_limit_qps',
    help: 'Calls of the Kubernetes API server a second that Tocsin allows itself; 0 leaves it to an API server that shares fairly.',
    collect() {
      this.set(qps());
    },
  });
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const code of [...codes, 'other', '<error>']) requests.inc({ method, code }, 0);
  }
  return {
    called(method, status) {
      requests.inc({ method, code: status === undefined ? '<error>' : codes.includes(status) ? status : 'other' });
    },
    waited(seconds) {
      waits.observe(seconds);
    },
  };
}
