import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { answerString } from './answer.ts';
import { BrokenRequests } from './broken-requests.ts';
import { connectionLimit } from './connection-limit.ts';
import { OpenResponses } from './open-responses.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';

/** The limits that can change while the server runs; milliseconds. */
export interface LiveLimits {
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
}

export interface ReceiverServerOptions extends LiveLimits {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ReceiverMetrics;
  readonly routes: RequestListener;
  /** `receiver.max_header_size`. */
  readonly maxHeaderBytes: number;
}

/** How often Node looks for connections that are too slow, milliseconds. */
const timeoutCheckMs = 1000;

/**
 * Most requests that a connection may have sent without waiting for an answer. Hardly anybody sends even two; but a thousand
 * fit into one packet, and their answers into no memory.
 */
const maxPipelinedRequests = 16;

/** The HTTP server: its limits, its start and its end. */
export class ReceiverServer {
  readonly #options: ReceiverServerOptions;
  readonly #server: Server;
  readonly #broken: BrokenRequests;
  readonly #responses = new OpenResponses();
  #draining = false;

  constructor(options: ReceiverServerOptions) {
    this.#options = options;
    this.#broken = new BrokenRequests(options);
    this.#server = createServer(
      {
        maxHeaderSize: options.maxHeaderBytes,
        connectionsCheckingInterval: timeoutCheckMs,
      },
      (request, response) => this.#serve(request, response),
    );
    this.#server.on('drop', () => this.#broken.dropped(this.#server.maxConnections));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      this.#broken.refuse(error, socket, this.#responses.has(socket)),
    );
    this.limits = options;
  }

  /** Other limits, for what comes from now on. */
  set limits({ headerTimeoutMs, requestTimeoutMs, idleTimeoutMs, maxConnections }: LiveLimits) {
    this.#server.headersTimeout = Math.min(headerTimeoutMs, requestTimeoutMs);
    this.#server.requestTimeout = requestTimeoutMs;
    this.#server.keepAliveTimeout = idleTimeoutMs;
    this.#server.maxConnections = connectionLimit(maxConnections);
    // Somebody who does not take the answer must not have a connection for ever.
    this.#server.timeout = Math.max(idleTimeoutMs, requestTimeoutMs);
  }

  /** Resolves with the real address once connections are taken; rejects with the system's error (EADDRINUSE …). */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Takes no new connections; what is being answered is answered, anything new gets a 503. Resolves when none is left. */
  close(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#responses.announceClose();
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.setTimeout(() => this.#server.closeAllConnections(), timeoutMs);
      this.#server.close(() => {
        cancelTimer();
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { clock, metrics, routes } = this.#options;
    const { socket } = request;
    // What was in the same packet still comes.
    if (socket.destroyed) return;
    const startedAt = clock.now();
    const path = pathOf(request.url ?? '/');
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : clientClosedRequest;
      metrics.answered(path, request.method ?? '', status, Math.max(0, clock.now() - startedAt) / 1000);
      if (this.#draining) this.#server.closeIdleConnections();
    });
    if (this.#responses.add(socket, response) > maxPipelinedRequests)
      this.#broken.tooMany(socket, maxPipelinedRequests);
    else if (this.#draining) this.#refuse(request, response);
    else routes(request, response);
  }

  /** Once the request has come in whole: ended in the middle of it, a connection would lose the answer. */
  #refuse(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Connection', 'close');
    request.once('end', () => answerString(response, 503, 'Tocsin is shutting down'));
    request.resume();
  }
}

/** The code under which a request is counted whose sender went away before the answer, as nginx has it. */
const clientClosedRequest = 499;

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
