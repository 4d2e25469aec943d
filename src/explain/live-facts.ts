import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CancelTimer, Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { History } from '../history/history.ts';
import { Refusal } from '../server/request/answer.ts';
import { remoteOf } from '../server/request/request-head.ts';
import type { WantedFacts } from './questions.ts';

/** The most readers at once, and how long one of them may read nothing while there is something for it, milliseconds. */
export const maxLiveReaders = 64;
const slowReaderMs = 10_000;

/** The interval between comments, which keep proxies from closing a silent stream, milliseconds. */
const heartbeatMs = 15_000;

export interface LiveFactsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly history: History;
}

/**
 * Server-Sent Events with the facts. Each reader has its place in the history and reads on from there, so nothing is buffered for
 * it.
 */
export class LiveFacts {
  readonly #options: LiveFactsOptions;
  readonly #readers = new Set<ServerResponse>();

  constructor(options: LiveFactsOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Resolves when the reader is gone. @param lastSeen the id of the last fact that it has; undefined: start with new facts */
  async send(
    request: IncomingMessage,
    response: ServerResponse,
    wanted: WantedFacts,
    lastSeen?: number,
  ): Promise<void> {
    if (this.#readers.size >= maxLiveReaders)
      throw new Refusal(503, `${maxLiveReaders} readers follow already, which is the limit: try again later`);
    this.#readers.add(response);
    const reader = new LiveReader(this.#options, response, wanted);
    try {
      await reader.run(lastSeen);
    } finally {
      this.#readers.delete(response);
      if (reader.isSlow)
        this.#options.logger.warn('live.ended', 'a reader that does not read the facts was ended', {
          remote: remoteOf(request.socket),
          limit_ms: slowReaderMs,
        });
    }
  }

  /** Ends every stream, so that the server can close. */
  close(): void {
    for (const response of this.#readers) response.destroy();
  }
}

class LiveReader {
  readonly #options: LiveFactsOptions;
  readonly #response: ServerResponse;
  readonly #wanted: WantedFacts;
  isSlow = false;
  #wake: () => void = () => undefined;
  #isAwake = false;

  constructor(options: LiveFactsOptions, response: ServerResponse, wanted: WantedFacts) {
    this.#options = options;
    this.#response = response;
    this.#wanted = wanted;
  }

  async run(lastSeen: number | undefined): Promise<void> {
    const { history, clock } = this.#options;
    const response = this.#response;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.once('close', () => this.#rouse());
    const unfollow = history.follow(() => this.#rouse());
    let cancelTimer: CancelTimer | undefined;
    const beat = (): void => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
      cancelTimer = clock.setTimeout(beat, heartbeatMs);
    };
    try {
      let at = await this.#begin(lastSeen);
      cancelTimer = clock.setTimeout(beat, heartbeatMs);
      while (!response.destroyed) {
        at = await this.#sendAfter(at);
        if (!response.destroyed) await this.#slept();
      }
    } finally {
      cancelTimer?.();
      unfollow();
    }
  }

  /** Sends the starting point, and what was missed if that is no longer known. */
  async #begin(lastSeen: number | undefined): Promise<number> {
    const { history } = this.#options;
    await history.flush();
    const newest = history.lastId;
    if (lastSeen === undefined || lastSeen > newest) {
      if (lastSeen !== undefined) this.#gap(lastSeen, newest);
      else this.#response.write(`retry: 1000\nid: ${newest}\n\n`);
      return newest;
    }
    return lastSeen;
  }

  #gap(after: number, before: number): void {
    this.#response.write(`event: gap\ndata: ${JSON.stringify({ after, before })}\n\n`);
  }

  async #sendAfter(from: number): Promise<number> {
    const oldest = await this.#options.history.oldestId();
    // Facts that it has not seen have been forgotten.
    const after = oldest !== undefined && oldest > from + 1 ? oldest - 1 : from;
    if (after !== from) this.#gap(from, after + 1);
    const { needles, isWanted, seen } = this.#wanted;
    const { history } = this.#options;
    const newest = history.lastId;
    const onForgotten = (firstId: number, lastId: number): void => this.#gap(firstId - 1, lastId + 1);
    for await (const fact of history.oldestFirst({ needles, after, before: newest + 1, onForgotten })) {
      if (this.#response.destroyed) return after;
      if (!isWanted(fact) || (seen !== undefined && !(await seen.shows(fact)))) continue;
      const isRead = this.#response.write(`id: ${fact.id}\ndata: ${JSON.stringify(fact)}\n\n`);
      if (!isRead && !(await this.#drained())) return after;
    }
    return newest;
  }

  /** False if the reader is gone, or was ended because it does not read. */
  #drained(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const response = this.#response;
    const cancelTimer = this.#options.clock.setTimeout(() => {
      this.isSlow = true;
      response.destroy();
    }, slowReaderMs);
    const done = (): void => {
      cancelTimer();
      response.off('drain', done).off('close', done);
      resolve(!response.destroyed);
    };
    response.once('drain', done).once('close', done);
    return promise;
  }

  #rouse(): void {
    this.#isAwake = true;
    this.#wake();
  }

  /** Waits until there are facts, or the reader is gone. */
  async #slept(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.#isAwake) resolve();
    await promise;
    this.#isAwake = false;
  }
}
