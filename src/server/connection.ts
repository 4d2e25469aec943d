import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Holder } from './request/memory-budget.ts';

/** The state of a connection, in the words of the log. */
type ConnectionPhase = 'handshake' | 'idle' | 'head' | 'body' | 'busy' | 'answer';

interface Body {
  /** The bytes that have been counted for it. */
  bytes: number;
  /** Ends it and has its request answered. */
  readonly end: () => void;
}

/** A request and its answer, until the client has read that. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headBytes: number;
  /** Set back to undefined, never deleted: V8 turns an object that loses a property into a slow dictionary. */
  body: Body | undefined;
}

const requestTimeout = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** One connection and the memory that it holds. */
export class Connection implements Holder {
  readonly #limits: HeadLimits;
  readonly #ownBytes: number;
  /** The raw socket until the handshake is done. */
  #socket: Socket;
  #isSecure: boolean;
  /** In order of arrival; only a sender that does not wait for answers has more than one. */
  readonly #exchanges = new Set<Exchange>();
  /** The bytes that had arrived when the last request was over; later bytes belong to an unfinished head. */
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

  /** The number of requests whose head has arrived and whose answer is not closed. */
  get owedAnswers(): number {
    return this.#exchanges.size;
  }

  /** True if it has had an answer and has asked for nothing since. */
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

  /** The head of a request has arrived. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#exchanges.add({ request, response, headBytes: headCost(request), body: undefined });
  }

  /** More of the body has arrived; ignored if the body is over. */
  hold(request: IncomingMessage, bytes: number, end: () => void): void {
    const exchange = this.#of((each) => each.request === request);
    if (exchange !== undefined) (exchange.body ??= { bytes: 0, end }).bytes += bytes + bodyPieceCost;
  }

  /** The body is no longer needed. */
  release(request: IncomingMessage): void {
    const exchange = this.#of((each) => each.request === request);
    if (exchange !== undefined) exchange.body = undefined;
  }

  /** Announces in every answer that has not begun that it is the last. */
  announceClose(): void {
    for (const { response } of this.#exchanges) if (!response.headersSent) response.setHeader('Connection', 'close');
  }

  /** The answer has been read, or never will be. */
  end(response: ServerResponse): void {
    const exchange = this.#of((each) => each.response === response);
    if (exchange !== undefined) this.#exchanges.delete(exchange);
    this.#wasAnswered = true;
    if (this.#exchanges.size === 0) this.#bytesOfOthers = this.#socket.bytesRead;
  }

  /** Answers if possible: a client that is sending gets the reason. It does not wait until the client has read it. */
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

  /** The bytes of a head that has not arrived completely. */
  get unfinishedBytes(): number {
    return this.#socket.bytesRead - this.#bytesOfOthers;
  }

  #of(isIt: (exchange: Exchange) => boolean): Exchange | undefined {
    for (const exchange of this.#exchanges) if (isIt(exchange)) return exchange;
    return undefined;
  }
}

const KiB = 1024;

/*
 * The resident memory of a connection, bytes. Measured on Node 24.21 (Linux, glibc) with 2,000 to 12,000 real connections of each
 * kind, TLS with 1,000: the increase of resident memory after a collection, per connection, rounded up. At most a third of it is
 * V8's heap, except for headers, half of which is heap.
 */

/** Open, plain, idle: 10.7 KiB (2.5 of them heap), 12.8 after it has been used. */
export const connectionCost = 13 * KiB;

/** In addition for TLS: 21 KiB before the handshake, 65 after it. */
export const tlsCost = 66 * KiB;

/** A request and its answer, without headers: 2.5 KiB. */
export const requestCost = 3 * KiB;

/** A header without its characters, which is two strings and their places: 117 to 133 bytes. */
export const headerCost = 136;

/** A character of a head, which is kept in the parser and in the texts of the headers. */
const headByteCost = 2;

/** A piece of a body without its bytes; one packet may bring many pieces. */
const bodyPieceCost = 512;

/** The shortest header on the wire: `a:b` and the line end. */
const shortestHeader = 5;

/** The cost of a complete head. */
function headCost({ rawHeaders, url = '' }: IncomingMessage): number {
  let characters = url.length;
  for (const text of rawHeaders) characters += text.length;
  return requestCost + headByteCost * characters + (headerCost * rawHeaders.length) / 2;
}

/** The highest cost of an unfinished head of which this many bytes have arrived. */
function unfinishedHeadCost(bytes: number, { maxHeaders, maxHeaderBytes }: HeadLimits): number {
  const head = Math.min(bytes, maxHeaderBytes);
  return headByteCost * head + headerCost * Math.min(maxHeaders, Math.ceil(head / shortestHeader));
}

/** `receiver.max_headers` and `receiver.max_header_size`. */
export interface HeadLimits {
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
}
