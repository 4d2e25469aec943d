import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { request } from 'undici';
import { JsonError } from '../../text/json-scanner.ts';
import { Allowance } from '../../text/json-selection.ts';
import { readBoundedBody, excerpt } from '../../text/bounded-body.ts';
import { JsonStream, TextTooLongError } from '../../text/json-stream.ts';
import { apiObjectBytes, type KeptAnswer } from '../kept-object.ts';
import { Slices, type SliceSchedule } from '../../runtime/slices.ts';
import { ApiError, networkFailure, statusFailure } from './api-error.ts';
import type { Connections } from '../../outbound/connections.ts';
import type { Access, Credentials, TlsMaterial } from './credentials.ts';
import { NotLeadingError } from '../../reconcile/errors.ts';
import type { WriteGate } from './write-gate.ts';

/** The longest answer of the API server, and the longest line of a watch, in bytes. */
export const apiAnswerBytes = 64 * 1024 * 1024;

interface ApiTransportOptions {
  readonly credentials: Credentials;
  readonly connections: Pick<Connections<TlsMaterial>, 'dispatcher'>;
  readonly schedule: SliceSchedule;
  /** The version of this program, for the User-Agent header. */
  readonly version: string;
  /** The longest answer of a call, in bytes. Default {@link apiAnswerBytes}. */
  readonly maxResponseBytes?: number;
  /** Stops writes of a process that does not lead. Default: it leads. */
  readonly gate?: Pick<WriteGate, 'check'> | undefined;
  /** Called with the head of each answer. */
  readonly onAnswer?: (status: number, headers: IncomingHttpHeaders) => void;
}

/** Only the beginning of an unsuccessful answer is of use. */
const maxErrorBytes = 64 * 1024;

/** Sends one request over the shared connections and reads its answer. It knows nothing of deadlines or retries. */
export class ApiTransport {
  readonly #options: ApiTransportOptions;

  constructor(options: ApiTransportOptions) {
    this.#options = options;
  }

  /** The body of a success, as it arrives. Rejects with ApiError, even for an aborted signal, or with NotLeadingError. */
  async send(call: ApiCall, signal: AbortSignal): Promise<Readable> {
    const access = await this.#access(call, signal);
    const { statusCode, headers, body } = await this.#request(call, access, signal);
    this.#options.onAnswer?.(statusCode, headers);
    // An error of an abandoned body must not end the process.
    body.on('error', () => undefined);
    if (statusCode >= 200 && statusCode <= 299) return body;
    const { text } = await readBoundedBody(body, maxErrorBytes).catch(() => ({ text: '' }));
    throw statusFailure(call, statusCode, text, headers['retry-after']?.toString());
  }

  /** Reads a body to its end, and returns the part that the call keeps; undefined for an empty body. Rejects with ApiError. */
  async readAnswer(call: ApiCall, body: Readable): Promise<unknown> {
    const { maxResponseBytes = apiAnswerBytes, schedule } = this.#options;
    const { selection, bytes, maxTextBytes = maxResponseBytes } = call.keep ?? keptByDefault;
    const stream = new JsonStream(body, maxTextBytes, new Slices(schedule, 'answers of the API server'));
    let allowance = new Allowance(bytes);
    try {
      const answer = await stream.select(selection, () => (allowance = new Allowance(bytes)));
      if (!allowance.isSpent) return answer;
    } catch (error) {
      if (error instanceof JsonError && stream.head.trim() === '') return undefined;
      throw answerFailure(call, error, stream.head);
    }
    throw tooLarge(call, `what is needed of the answer takes more than ${bytes} bytes of memory`);
  }

  /** An identity provider that hangs must not hold up the call beyond its deadline. */
  async #access(call: ApiCall, signal: AbortSignal): Promise<Access> {
    try {
      return await orAborted(this.#options.credentials.access(), signal);
    } catch (error) {
      const detail = error instanceof Error ? error.message.trim() : String(error);
      const message = `${call.method} ${call.path}: no credentials: ${detail}`;
      throw new ApiError(message, { reason: 'Credentials', cause: error });
    }
  }

  async #request(call: ApiCall, access: Access, signal: AbortSignal): ReturnType<typeof request> {
    const { connections, gate, version } = this.#options;
    const hasBody = call.body !== undefined;
    try {
      const dispatcher = await connections.dispatcher({ ...access, proxyUrl: access.proxy?.url });
      gate?.check(call);
      return await request(urlOf(access.server, call), {
        method: call.method,
        headers: {
          accept: call.accept ?? 'application/json',
          'user-agent': `tocsin/${version}`,
          ...(hasBody && { 'content-type': call.contentType ?? 'application/json' }),
          ...access.headers,
        },
        body: hasBody ? JSON.stringify(call.body) : null,
        dispatcher,
        signal,
      });
    } catch (error) {
      if (error instanceof NotLeadingError) throw error;
      throw networkFailure(call, access, error, false);
    }
  }
}

/** Applies to answers when the caller does not say what to keep. */
const keptByDefault: KeptAnswer = { selection: 'whole', bytes: apiObjectBytes };

function answerFailure(call: ApiCall, error: unknown, head: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof TextTooLongError) return tooLarge(call, error.message.replace('it is', 'the answer is'));
  if (!(error instanceof JsonError)) return networkFailure(call, undefined, error, true);
  const message = `${call.method} ${call.path}: the answer is not JSON: ${excerpt(head)}`;
  return new ApiError(message, { status: 200, reason: 'NotJson', cause: error });
}

function tooLarge({ method, path }: ApiCall, detail: string): ApiError {
  return new ApiError(`${method} ${path}: ${detail}`, { status: 200, reason: 'TooLarge' });
}

function urlOf(server: string, { path, query = {} }: ApiCall): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? server + path : `${server}${path}?${parameters.toString()}`;
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('the provider that the kubeconfig names did not give them in time'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** One request to the API server. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path from the root of the API server: `/apis/GROUP/VERSION/…`, its parts encoded. */
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; a PATCH says which kind of patch it is. */
  readonly contentType?: string;
  /** The wanted media type. Default `application/json`. */
  readonly accept?: string;
  /** Default: all of the answer, up to {@link apiObjectBytes}. */
  readonly keep?: KeptAnswer;
  readonly signal?: AbortSignal;
  /** True if the call writes an Event, or the status of a trigger: it then waits for what other calls leave of the rate limit. */
  readonly isEvent?: boolean;
  /**
   * The deadline of one try, counted from when the rate limit admits it: until the whole answer has arrived, or until a stream begins.
   * Milliseconds, default 30 s.
   */
  readonly timeoutMs?: number;
}
