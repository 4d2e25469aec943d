import type { Socket } from 'node:net';
import { Slices } from '../runtime/slices.ts';
import type { HandshakeFailure } from './web/gate-report.ts';
import type { WebSettings } from './web/web-settings.ts';
import type { HttpMetrics, LimitName } from './request/http-metrics.ts';
import { remoteOf } from './request/request-head.ts';
import { MinuteLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface BrokenRequestsOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: HttpMetrics;
  /** The headers that the current web configuration adds to every answer. */
  readonly headers: () => WebSettings['headers'];
  /** `receiver.max_headers` and `receiver.max_header_size`, for the texts. */
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
}

/** The head of a request has too many headers. */
export function tooManyHeaders(): NodeJS.ErrnoException {
  return Object.assign(new Error('too many headers'), { code: tooManyCode });
}

/** A client asks for a tunnel, but Tocsin is not a proxy. Node would end the connection without an answer. */
export function noTunnel(): NodeJS.ErrnoException {
  return Object.assign(new Error('no tunnel'), { code: tunnelCode });
}

interface Refusal {
  readonly status: string;
  readonly limit?: LimitName;
}

const tooManyCode = 'TOO_MANY_HEADERS';
const tunnelCode = 'CONNECT';
const headTooLarge = '431 Request Header Fields Too Large';
const refusals: ReadonlyMap<string, Refusal> = new Map([
  ['HPE_HEADER_OVERFLOW', { status: headTooLarge, limit: 'max_header_size' }],
  [tooManyCode, { status: headTooLarge, limit: 'max_headers' }],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', { status: '413 Content Too Large', limit: 'max_header_size' }],
  [tunnelCode, { status: '405 Method Not Allowed' }],
]);
const tooSlow = 'ERR_HTTP_REQUEST_TIMEOUT';
const headTooSlow: Refusal = { status: '408 Request Timeout', limit: 'header_timeout' };
const bodyTooSlow: Refusal = { status: '408 Request Timeout', limit: 'request_timeout' };
const badRequest: Refusal = { status: '400 Bad Request' };

/** The time that a client has to read why its connection is ended, milliseconds. */
const lingerMs = 1000;

/** Handles what never becomes a request: connections over the limit, and bytes that are not HTTP or arrive too slowly. */
export class BrokenRequests {
  readonly #options: BrokenRequestsOptions;
  /** Refused in slices: Node ends thousands of silent connections at once if they arrived at once. */
  readonly #waiting: (() => void)[] = [];
  readonly #lines: MinuteLines;

  constructor(options: BrokenRequestsOptions) {
    this.#options = options;
    this.#lines = new MinuteLines(options.clock, options.logger);
  }

  /** A connection was dropped because there are too many. */
  dropped(maxConnections: number): void {
    this.#options.metrics.limitReached('max_connections');
    this.#lines.warn('connections.dropped', 'too many connections: new ones are dropped', () => ({
      limit: 'receiver.max_connections',
      max_connections: maxConnections,
    }));
  }

  /** The system could not hand over a connection. */
  notAccepted({ code, message }: NodeJS.ErrnoException): void {
    this.#lines.warn('connections.dropped', 'the system could not hand over a new connection', () => ({
      reason: code ?? message,
    }));
  }

  /** A TLS handshake failed. */
  handshakeFailed(remote: string, reason: HandshakeFailure, text: string): void {
    if (reason === 'timeout') this.#options.metrics.limitReached('tls_handshake_timeout');
    this.#lines.warn('connection.tls_failed', 'a TLS connection was ended before its first request', () => ({
      remote,
      reason,
      text,
    }));
  }

  /** A connection has sent more requests than may wait for an answer: it is ended without one. */
  tooMany(socket: Socket, maxRequests: number): void {
    this.#options.metrics.limitReached('pipelined_requests');
    this.#lines.warn('request.broken', 'a connection sent many requests without waiting for an answer', () => ({
      remote: remoteOf(socket),
      max_requests: maxRequests,
    }));
    socket.destroy();
  }

  /**
   * Answers and ends a connection whose bytes cannot be read as a request.
   * @param hasHead true if the head of a request was read and has not been answered
   */
  refuse(error: NodeJS.ErrnoException, socket: Socket, hasHead: () => boolean): void {
    const hadHead = hasHead();
    this.#waiting.push(() => {
      // The late request has arrived while this waited for its turn: Node watches it again.
      if (error.code !== tooSlow || hasHead() === hadHead) this.#refuse(error, socket, hadHead);
    });
    if (this.#waiting.length === 1) void this.#refuseAll();
  }

  async #refuseAll(): Promise<void> {
    const slices = new Slices(this.#options.schedule, 'refusals');
    await slices.yieldTurn();
    // The current one stays in front meanwhile, so that a new one sees that the queue is being served.
    for (; this.#waiting.length > 0; this.#waiting.shift()) {
      if (slices.isOver) await slices.yieldTurn();
      this.#waiting[0]!();
    }
  }

  #refuse(error: NodeJS.ErrnoException, socket: Socket, hasHead: boolean): void {
    // Anything after the first error is no news.
    if (socket.writableEnded) return;
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const { status, limit } = refusalOf(error, hasHead);
    if (limit !== undefined) this.#options.metrics.limitReached(limit);
    this.#lines.warn('request.broken', 'a connection did not send a proper request', () => ({
      remote: remoteOf(socket),
      answer: status,
      reason: error.code,
    }));
    socket.end(answerOf(status, this.#textOf(status, limit), this.#options.headers()));
    const cancelTimer = this.#options.clock.setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', cancelTimer);
  }

  /** The sender of such a head is a proxy that adds much, or a client with large cookies, so the text says how to fix it. */
  #textOf(status: string, limit: LimitName | undefined): string {
    if (status !== headTooLarge) return '';
    const { maxHeaders, maxHeaderBytes } = this.#options;
    return limit === 'max_headers'
      ? `the request has more than receiver.max_headers (${maxHeaders}) headers: send fewer, or raise the limit\n`
      : `the headers are larger than receiver.max_header_size (${maxHeaderBytes} bytes): send less, or raise the limit\n`;
  }
}

function answerOf(status: string, text: string, headers: WebSettings['headers']): string {
  const lines = [`HTTP/1.1 ${status}`, 'Connection: close', ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (text !== '') lines.push('Content-Type: text/plain; charset=utf-8');
  lines.push(`Content-Length: ${text.length}`);
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}

function refusalOf({ code = '' }: NodeJS.ErrnoException, hasHead: boolean): Refusal {
  if (code === tooSlow) return hasHead ? bodyTooSlow : headTooSlow;
  return refusals.get(code) ?? badRequest;
}
