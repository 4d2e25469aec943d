import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Holder } from './request/memory-budget.ts';

/** What a connection is at, in the words of the log. */
type ConnectionPhase = 'handshake' | 'idle' | 'head' | 'body' | 'busy' | 'answer';

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

const KiB = 1024;

/*
 * What a connection takes of resident memory, bytes. Measured on Node 24.21 (Linux, glibc) with 2,000 to 12,000 real connections of each
 * kind, TLS with 1,000: resident memory after a collection, less what it was before, by connection; rounded up. A third of it or less
 * is V8's heap, but for headers, which are in it by half.
 */

/** Open, plain, idle: 10.7 KiB (2.5 of them heap), 12.8 when it has been used. */
export const connectionCost = 13 * KiB;

/** TLS besides: 21 KiB before the handshake, 65 after it. */
export const tlsCost = 66 * KiB;

/** A request and its answer, without headers: 2.5 KiB. */
export const requestCost = 3 * KiB;

/** A header without its characters: two strings and their places: 117 to 133 bytes. */
export const headerCost = 136;

/** A character of a head: one in the parser, one in the texts of the headers. */
const headByteCost = 2;

/** A piece of a body without its bytes; many pieces may come in one packet. */
const bodyPieceCost = 512;

/** No header is shorter, on the wire: `a:b` and the end of the line. */
const shortestHeader = 5;

/** A head that has come in whole. */
function headCost({ rawHeaders, url = '' }: IncomingMessage): number {
  let characters = url.length;
  for (const text of rawHeaders) characters += text.length;
  return requestCost + headByteCost * characters + (headerCost * rawHeaders.length) / 2;
}

/** At most, of a head of which so many bytes have come in. */
function unfinishedHeadCost(bytes: number, { maxHeaders, maxHeaderBytes }: HeadLimits): number {
  const head = Math.min(bytes, maxHeaderBytes);
  return headByteCost * head + headerCost * Math.min(maxHeaders, Math.ceil(head / shortestHeader));
}

/** `receiver.max_headers` and `receiver.max_header_size`. */
export interface HeadLimits {
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
}
