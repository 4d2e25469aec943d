import { JsonError } from '../../text/json-scanner.ts';
import { Allowance } from '../../text/json-selection.ts';
import type { Clock } from '../../runtime/clock.ts';
import { JsonStream, TextTooLongError } from '../../text/json-stream.ts';
import { apiAnswerBytes, apiObjectBytes } from '../../limits.ts';
import type { SliceSchedule } from '../../runtime/slice-schedule.ts';
import { Slices } from '../../runtime/slices.ts';
import type { ApiCall } from '../api/api-call.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { networkFailure } from '../api/api-failure.ts';
import { StreamLines } from './stream-lines.ts';
import { notAnEvent, readWatchEvent, watchEventSelection, type WatchEvent } from './watch-event.ts';

export interface WatchStreamOptions {
  readonly client: Pick<ApiClient, 'open'>;
  readonly clock: Clock;
  /** In whose slices the events are read. */
  readonly schedule: SliceSchedule;
  /** Without a byte for this long the connection counts as dead, milliseconds. */
  readonly idleMs: number;
  readonly call: ApiCall;
  readonly signal: AbortSignal;
  /** The server has begun to answer. */
  readonly onOpen: () => void;
}

/** An event, and what is kept of it: if the allowance is spent, the object is only a part of itself. */
export interface ReceivedEvent {
  readonly event: WatchEvent;
  readonly allowance: Allowance;
}

/**
 * The events of one watch, until the server ends it in good order. Rejects with ApiError, whatever goes wrong; with the
 * signal's reason when the signal is aborted. Leaving it early closes the stream.
 */
export async function* watchStream(options: WatchStreamOptions): AsyncGenerator<ReceivedEvent, void> {
  const { call, client, onOpen, schedule, signal } = options;
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
      if (slices.isOver) await slices.breathe();
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
    let allowance = new Allowance(apiObjectBytes);
    try {
      const found = await stream.select(watchEventSelection, () => (allowance = new Allowance(apiObjectBytes)));
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

/** Aborts its signal when nothing has come for too long, or with the caller. It starts with the first touch. */
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
