import { JsonError } from '../../text/json-scanner.ts';
import { Allowance, type Selection } from '../../text/json-selection.ts';
import type { Clock } from '../../runtime/clock.ts';
import { JsonStream, TextTooLongError } from '../../text/json-stream.ts';
import { apiAnswerBytes, type ApiCall } from '../api/api-transport.ts';
import { apiObjectBytes, isApiObject, isJsonObject } from '../kept-object.ts';
import { Slices, type SliceSchedule } from '../../runtime/slices.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError, networkFailure } from '../api/api-error.ts';
import { excerpt } from '../../text/bounded-body.ts';
import type { ApiObject } from '../api-object.ts';
import type { ObjectEvent } from './watch-cache.ts';

interface WatchStreamOptions {
  readonly client: Pick<ApiClient, 'open'>;
  readonly clock: Clock;
  /** Events are read within its slices. */
  readonly schedule: SliceSchedule;
  /** Without a byte for this long the connection counts as dead, in milliseconds. */
  readonly idleMs: number;
  readonly call: ApiCall;
  /** The members of each object that are kept. */
  readonly members: Readonly<Record<string, Selection>>;
  /** The memory limit for what is kept of one object, an estimate. Default {@link apiObjectBytes}. */
  readonly objectBytes?: number;
  readonly signal: AbortSignal;
  /** The server has begun to answer. */
  readonly onOpen: () => void;
}

/** An event, and the kept part of its object: if the allowance is spent, the object is incomplete. */
export interface ReceivedEvent {
  readonly event: WatchEvent;
  readonly allowance: Allowance;
}

/**
 * The events of one watch, until the server ends it in good order. Rejects with ApiError, whatever goes wrong, and with the signal's
 * reason when the signal is aborted. Leaving the loop early closes the stream.
 */
export async function* watchStream(options: WatchStreamOptions): AsyncGenerator<ReceivedEvent, void> {
  const { call, client, onOpen, schedule, signal } = options;
  const selection = watchEventSelection(options.members);
  const idle = new IdleTimer(options);
  const slices = new Slices(schedule, 'answers of the API server');
  let lines: StreamLines | undefined;
  try {
    const body = await client.open({ ...call, signal: idle.signal });
    onOpen();
    idle.touch();
    lines = new StreamLines(body, () => idle.touch());
    for (let read = await lines.next(readLine); read !== undefined; read = await lines.next(readLine)) {
      yield read.value;
      if (slices.isOver) await slices.yieldTurn();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw idle.expired ? idleError(options) : asApiError(call, error);
  } finally {
    await lines?.close().catch(() => undefined);
    idle.end();
  }

  async function readLine(line: AsyncIterable<Uint8Array>): Promise<ReceivedEvent> {
    const stream = new JsonStream(line, apiAnswerBytes, slices);
    const { objectBytes = apiObjectBytes } = options;
    let allowance = new Allowance(objectBytes);
    try {
      const found = await stream.select(selection, () => (allowance = new Allowance(objectBytes)));
      return { event: readWatchEvent(found, stream.head), allowance };
    } catch (error) {
      throw error instanceof JsonError ? notAnEvent(stream.head) : error;
    }
  }
}

function idleError({ call, idleMs }: WatchStreamOptions): ApiError {
  const message = `${call.method} ${call.path}: the watch was silent for ${idleMs / 1000} s, the connection counts as dead`;
  return new ApiError(message, { reason: 'Idle' });
}

function asApiError(call: ApiCall, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof TextTooLongError)) return networkFailure(call, undefined, error, true);
  return new ApiError(`${call.method} ${call.path}: a line of the watch: ${error.message}`, {
    reason: 'TooLarge',
    cause: error,
  });
}

/** Aborts its signal when nothing has arrived for too long, or when the caller's signal is aborted. The first touch starts it. */
class IdleTimer {
  readonly #options: WatchStreamOptions;
  readonly #abort = new AbortController();
  readonly #onAbort = (): void => this.#abort.abort();
  #cancel: (() => void) | undefined;
  expired = false;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal.aborted) this.#abort.abort();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  touch(): void {
    const { clock, idleMs } = this.#options;
    this.#cancel?.();
    this.#cancel = clock.setTimeout(() => {
      this.expired = true;
      this.#abort.abort();
    }, idleMs);
  }

  end(): void {
    this.#cancel?.();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#abort.abort();
  }
}

/**
 * The lines of a stream, each read while its bytes arrive, so that no whole line is ever in memory. Empty lines are left out. Bytes at
 * the end without a line feed are half a line, and are ignored.
 */
export class StreamLines {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #onChunk: () => void;
  #rest: Uint8Array = new Uint8Array();
  #isEnded = false;

  /** @param onChunk called for each chunk, whatever it contains */
  constructor(stream: AsyncIterable<Uint8Array>, onChunk: () => void) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#onChunk = onChunk;
  }

  /**
   * The result of `read` for the next line, which it has to read to its end; undefined at the end of the stream. Rejects with the error
   * of `read` or of the stream.
   */
  async next<T>(read: (line: AsyncIterable<Uint8Array>) => Promise<T>): Promise<{ readonly value: T } | undefined> {
    await this.#skipBlanks();
    if (this.#isEnded) return undefined;
    try {
      const value = await read(this.#line());
      return this.#isEnded ? undefined : { value };
    } catch (error) {
      if (this.#isEnded) return undefined;
      throw error;
    }
  }

  /** Closes the stream. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #skipBlanks(): Promise<void> {
    for (;;) {
      const start = this.#rest.findIndex((byte) => !blanks.has(byte));
      if (start !== -1) return void (this.#rest = this.#rest.subarray(start));
      if (!(await this.#fetch())) return;
    }
  }

  async *#line(): AsyncGenerator<Uint8Array, void> {
    for (let more = this.#rest.length > 0; more; more = await this.#fetch()) {
      const end = this.#rest.indexOf(lineFeed);
      const part = end === -1 ? this.#rest : this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end === -1 ? this.#rest.length : end + 1);
      if (part.length > 0) yield part;
      if (end !== -1) return;
    }
  }

  async #fetch(): Promise<boolean> {
    const next = await this.#chunks.next();
    this.#isEnded = next.done === true;
    if (next.done === true) return false;
    this.#onChunk();
    this.#rest = next.value;
    return true;
  }
}

const lineFeed = 0x0a;
const blanks: ReadonlySet<number> = new Set([lineFeed, 0x0d, 0x20, 0x09]);

export type WatchEvent =
  | { readonly type: ObjectEvent; readonly object: ApiObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** What is needed of one line of a watch: parts of an object, and of the Status of an ERROR. */
function watchEventSelection(members: Readonly<Record<string, Selection>>): Selection {
  const object = { members: { ...members, code: 'scalar', reason: 'scalar', message: 'scalar' } } as const;
  return { members: { type: 'scalar', object } };
}

/**
 * Turns the selected parts of one line of a watch into an event. Throws ApiError for an ERROR event, with the status that it carries,
 * and for a line that is not an event: the stream can then no longer be trusted.
 * @param line its beginning, for the message
 */
export function readWatchEvent(found: unknown, line: string): WatchEvent {
  const { type, object } = isJsonObject(found) ? found : {};
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (isApiObject(object) && versionOf(object) !== undefined) return { type, object };
      throw notAnEvent(line);
    case 'BOOKMARK': {
      const resourceVersion = versionOf(object);
      if (resourceVersion !== undefined) return { type, resourceVersion };
      throw notAnEvent(line);
    }
    case 'ERROR':
      throw errorEvent(object, line);
    default:
      throw notAnEvent(line);
  }
}

function notAnEvent(line: string): ApiError {
  return new ApiError(`a line of the watch is no event: ${excerpt(line)}`, { reason: 'NotJson' });
}

function versionOf(object: unknown): string | undefined {
  const { metadata } = isJsonObject(object) ? object : {};
  const { resourceVersion } = isJsonObject(metadata) ? metadata : {};
  return typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined;
}

function errorEvent(object: unknown, line: string): ApiError {
  const { code, reason, message } = isJsonObject(object) ? object : {};
  const status = typeof code === 'number' ? code : undefined;
  const name = typeof reason === 'string' ? reason : 'Unknown';
  const text = excerpt(typeof message === 'string' ? message : line);
  return new ApiError(`the watch was ended by the server: ${status ?? ''} ${name}: ${text}`, { status, reason: name });
}
