import type { Clock } from '../clock.ts';
import type { ApiCall } from './api-call.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { networkFailure } from './api-failure.ts';
import { LineTooLongError, streamLines } from './stream-lines.ts';
import { readWatchEvent, type WatchEvent } from './watch-event.ts';

export interface WatchStreamOptions {
  readonly client: Pick<ApiClient, 'open'>;
  readonly clock: Clock;
  /** Without a byte for this long the connection counts as dead, milliseconds. */
  readonly idleMs: number;
  readonly call: ApiCall;
  readonly signal: AbortSignal;
  /** The server has begun to answer. */
  readonly onOpen: () => void;
}

/** An object of 1.5 MB, the most that etcd takes by default, may grow to several times that as JSON. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * The events of one watch, until the server ends it in good order. Rejects with ApiError, whatever goes wrong; with the
 * signal's reason when the signal is aborted. Leaving it early closes the stream.
 */
export async function* watchStream(options: WatchStreamOptions): AsyncGenerator<WatchEvent, void> {
  const { call, client, onOpen, signal } = options;
  const idle = new IdleTimer(options);
  try {
    const body = await client.open({ ...call, signal: idle.signal });
    onOpen();
    idle.touch();
    for await (const line of streamLines(body, maxLineBytes, () => idle.touch())) yield readWatchEvent(line);
  } catch (error) {
    signal.throwIfAborted();
    throw idle.expired ? idleError(options) : asApiError(call, error);
  } finally {
    idle.end();
  }
}

function idleError({ call, idleMs }: WatchStreamOptions): ApiError {
  const message = `${call.method} ${call.path}: the watch was silent for ${idleMs / 1000} s, the connection counts as dead`;
  return new ApiError(message, { reason: 'Idle' });
}

function asApiError(call: ApiCall, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof LineTooLongError)) return networkFailure(call, undefined, error, true);
  return new ApiError(`${call.method} ${call.path}: ${error.message}`, { reason: 'TooLarge', cause: error });
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
