import type { ServerResponse } from 'node:http';
import type { CancelTimer } from '../../runtime/clock.ts';
import { sliceMs, Slices } from '../../runtime/slices.ts';
import type { SlicedText } from './alert-lists.ts';
import type { HttpMetrics } from '../../server/request/http-metrics.ts';
import { Slots } from '../../runtime/slots.ts';
import { remoteOf } from '../../server/request/request-head.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** The most lists of alerts that are answered at once; each holds a list of references, not the alerts. */
export const openLists = 16;

/** The part of a list that is written at once, and so waits for a reader that does not read, UTF-16 code units. */
export const listChunkLength = 64 * 1024;

/** A reader that reads nothing for this long is ended as soon as another one waits for its place, milliseconds. */
export const slowReaderMs = 1000;

interface ListAnswersOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: Pick<HttpMetrics, 'limitReached'>;
}

interface Chunk {
  readonly text: string;
  readonly isLast: boolean;
}

/**
 * Answers long lists in slices, and no faster than the client reads. The number of simultaneous answers is limited; further ones
 * wait.
 */
export class ListAnswers {
  readonly #options: ListAnswersOptions;
  readonly #slots = new Slots(openLists);

  constructor(options: ListAnswersOptions) {
    this.#options = options;
  }

  /** Resolves when everything is written or the client is gone; rejects with the error of the text. */
  async send(response: ServerResponse, text: SlicedText): Promise<void> {
    const release = await this.#slots.acquire();
    try {
      await this.#send(response, text);
    } finally {
      text.return();
      release();
    }
  }

  async #send(response: ServerResponse, text: SlicedText): Promise<void> {
    while (!response.destroyed) {
      await this.#options.schedule.next('lists');
      if (response.destroyed) return;
      const chunk = this.#nextChunk(text);
      if (chunk.text === '' && !chunk.isLast) continue;
      if (!response.headersSent) writeHead(response, chunk);
      const rest = await this.#writePieces(response, chunk.text);
      if (response.destroyed) return;
      if (chunk.isLast) return void response.end(rest);
      if (!response.write(rest)) await this.#drained(response);
    }
  }

  /** Writes a text that is long, because of a large alert in it, piece by piece; returns the rest, which is short. */
  async #writePieces(response: ServerResponse, text: string): Promise<string> {
    const slices = new Slices(this.#options.schedule, 'lists');
    let rest = text;
    while (rest.length > 2 * listChunkLength && !response.destroyed) {
      const end = characterEnd(rest, listChunkLength);
      if (!response.write(rest.slice(0, end))) await this.#drained(response);
      // A client that reads as fast as the text is written never makes it wait, so it yields here.
      else if (slices.isOver) await slices.yieldTurn();
      rest = rest.slice(end);
    }
    return rest;
  }

  #nextChunk(texts: SlicedText): Chunk {
    const { clock } = this.#options;
    const startedAt = clock.now();
    let text = '';
    while (text.length < listChunkLength && Math.abs(clock.now() - startedAt) < sliceMs) {
      const next = texts.next();
      if (next.done === true) return { text, isLast: true };
      text += next.value ?? '';
    }
    return { text, isLast: false };
  }

  /** Resolves once the client has read, or is gone. A client that reads nothing while others wait is ended. */
  #drained(response: ServerResponse): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let cancelTimer: CancelTimer;
    const look = (): void => {
      if (this.#slots.waiting > 0) this.#end(response);
      else cancelTimer = this.#options.clock.setTimeout(look, slowReaderMs);
    };
    cancelTimer = this.#options.clock.setTimeout(look, slowReaderMs);
    const done = (): void => {
      cancelTimer();
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
    return promise;
  }

  #end(response: ServerResponse): void {
    const { logger, metrics } = this.#options;
    metrics.limitReached('open_lists');
    logger.warn('list.ended', 'a reader that does not read its list was ended, for others wait', {
      remote: remoteOf(response.req.socket),
      limit: 'open_lists',
      open_lists: openLists,
    });
    response.destroy();
  }
}

/** The first position from `at` on that is not inside a surrogate pair. */
function characterEnd(text: string, at: number): number {
  return text.codePointAt(at - 1)! > 0xffff ? at + 1 : at;
}

/** Includes the length if the whole list is there. */
function writeHead(response: ServerResponse, { text, isLast }: Chunk): void {
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    ...(isLast && { 'Content-Length': Buffer.byteLength(text) }),
  });
}
