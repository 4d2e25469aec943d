import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Holder } from './request/memory-budget.ts';
import {
  bodyPieceCost,
  connectionCost,
  headCost,
  tlsCost,
  unfinishedHeadCost,
  type HeadLimits,
} from './connection-costs.ts';

/** What a connection is at, in the words of the log. */
export type ConnectionPhase = 'handshake' | 'idle' | 'head' | 'body' | 'busy' | 'answer';

interface Body {
  /** What it is counted with, bytes. */
  bytes: number;
  /** Ends it, and has its request answered. */
  readonly end: () => void;
}

/** A request and its answer, until that is taken. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headBytes: number;
  /** Set back to undefined and never deleted: V8 makes a slow dictionary of an object that loses a property. */
  body: Body | undefined;
}

const requestTimeout = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** One connection, and what it holds. */
export class Connection implements Holder {
  readonly #limits: HeadLimits;
  readonly #ownBytes: number;
  /** The raw one until its handshake is done. */
  #socket: Socket;
  #isSecure: boolean;
  /** In their order; more than one only of a sender that does not wait for the answer. */
  readonly #exchanges = new Set<Exchange>();
  /** What had come in when the last request was over; what comes after it is a head that is unfinished. */
  #bytesOfOthers = 0;
  #wasAnswered = false;

  constructor(socket: Socket, limits: HeadLimits, isTls: boolean) {
    this.#socket = socket;
    this.#limits = limits;
    this.#isSecure = !isTls;
    this.#ownBytes = connectionCost + (isTls ? tlsCost : 0);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get phase(): ConnectionPhase {
    if (!this.#isSecure) return 'handshake';
    const [exchange] = this.#exchanges;
    if (exchange === undefined) return this.unfinishedBytes > 0 ? 'head' : 'idle';
    if (this.isBusy) return 'busy';
    return exchange.response.writableEnded ? 'answer' : 'body';
  }

  get isBusy(): boolean {
    for (const { request, response } of this.#exchanges) if (request.complete && !response.writableEnded) return true;
    return false;
  }

  /** How many answers it is owed: the head of a request has come in, and the answer is not closed yet. */
  get owedAnswers(): number {
    return this.#exchanges.size;
  }

  /** It has had an answer, and has asked for nothing since. */
  get isIdle(): boolean {
    return this.#wasAnswered && this.#exchanges.size === 0;
  }

  get bytes(): number {
    if (this.#exchanges.size === 0)
      return this.#ownBytes + (this.#isSecure ? unfinishedHeadCost(this.unfinishedBytes, this.#limits) : 0);
    let bytes = this.#ownBytes + this.#socket.writableLength;
    for (const { headBytes, body, response } of this.#exchanges)
      bytes += headBytes + (body?.bytes ?? 0) + response.writableLength;
    return bytes;
  }

  /** The handshake is done. */
  secure(socket: Socket): void {
    this.#socket = socket;
    this.#isSecure = true;
  }

  /** The head of a request has come in. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#exchanges.add({ request, response, headBytes: headCost(request), body: undefined });
  }

  /** More of the body has come in; nothing of one that is over. */
  hold(request: IncomingMessage, bytes: number, end: () => void): void {
    const exchange = this.#of((each) => each.request === request);
    if (exchange !== undefined) (exchange.body ??= { bytes: 0, end }).bytes += bytes + bodyPieceCost;
  }

  /** The body is not needed any more. */
  release(request: IncomingMessage): void {
    const exchange = this.#of((each) => each.request === request);
    if (exchange !== undefined) exchange.body = undefined;
  }

  /** Tells the other side in every answer that has not begun that it is the last one. */
  announceClose(): void {
    for (const { response } of this.#exchanges) if (!response.headersSent) response.setHeader('Connection', 'close');
  }

  /** The answer has been taken, or never will be. */
  end(response: ServerResponse): void {
    const exchange = this.#of((each) => each.response === response);
    if (exchange !== undefined) this.#exchanges.delete(exchange);
    this.#wasAnswered = true;
    if (this.#exchanges.size === 0) this.#bytesOfOthers = this.#socket.bytesRead;
  }

  /** With an answer if one can be given: whoever is in the middle of sending is told. It is not waited for that it is read. */
  evict(): void {
    const [exchange, another] = this.#exchanges;
    const isUntold = exchange === undefined ? this.phase === 'head' : !exchange.response.headersSent;
    if (!isUntold || another !== undefined) return void this.#socket.destroy();
    if (exchange?.body !== undefined) {
      exchange.response.setHeader('Connection', 'close');
      return exchange.body.end();
    }
    this.#socket.write(requestTimeout);
    this.#socket.destroySoon();
  }

  /** Of a head that has not come in whole. */
  get unfinishedBytes(): number {
    return this.#socket.bytesRead - this.#bytesOfOthers;
  }

  #of(isIt: (exchange: Exchange) => boolean): Exchange | undefined {
    for (const exchange of this.#exchanges) if (isIt(exchange)) return exchange;
    return undefined;
  }
}
