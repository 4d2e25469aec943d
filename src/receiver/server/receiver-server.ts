import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { SliceSchedule } from '../../slice-schedule.ts';
import type { WebMetrics } from '../../web/web-metrics.ts';
import type { TlsSettings } from '../../web/web-settings.ts';
import { answerString } from '../answer/answer.ts';
import { askForBody } from './ask-for-body.ts';
import { BrokenRequests } from './broken-requests.ts';
import { connectionLimit } from './connection-limit.ts';
import { createServer, type ServerLimits } from './create-server.ts';
import type { Gate } from '../gate/gate.ts';
import { OpenResponses } from './open-responses.ts';
import { answerOutsidePrefix } from './outside-prefix.ts';
import type { ReceiverMetrics } from '../report/receiver-metrics.ts';
import { readTarget } from '../request/request-target.ts';
import { TlsConnections } from './tls-connections.ts';

/** The limits that can change while the server runs; milliseconds. */
export interface LiveLimits {
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
}

export interface ReceiverServerOptions extends ServerLimits, LiveLimits {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly metrics: ReceiverMetrics;
  readonly routes: RequestListener;
  /** What stands before every path: '' or `/prefix`. */
  readonly routePrefix: string;
  readonly webMetrics: WebMetrics;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsSettings | undefined;
  /** Undefined: everybody may come in. */
  readonly gate?: Gate | undefined;
}

/**
 * Most requests that a connection may have sent without waiting for an answer. Hardly anybody sends even two; but a thousand
 * fit into one packet, and their answers into no memory.
 */
const maxPipelinedRequests = 16;

/** The HTTP server: its limits, its start and its end. */
export class ReceiverServer {
  readonly #options: ReceiverServerOptions;
  readonly #server: Server | HttpsServer;
  readonly #tls: TlsConnections | undefined;
  readonly #broken: BrokenRequests;
  readonly #responses = new OpenResponses();
  #draining = false;

  constructor(options: ReceiverServerOptions) {
    this.#options = options;
    this.#broken = new BrokenRequests(options);
    const { tls, webMetrics } = options;
    this.#server = createServer(options, tls, (request, response) => this.#serve(request, response));
    if (tls !== undefined && this.#server instanceof HttpsServer)
      this.#tls = new TlsConnections({ server: this.#server, settings: tls, webMetrics, broken: this.#broken });
    this.#server.on('drop', () => this.#broken.dropped(this.#server.maxConnections));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
      this.#broke(error, socket as Socket),
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

  /** New connections get another certificate; only for a server that speaks TLS. */
  useTls(settings: TlsSettings): void {
    this.#tls?.use(settings);
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
      const cancelTimer = this.#options.clock.setTimeout(() => this.#endAll(), timeoutMs);
      this.#server.close(() => {
        cancelTimer();
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  #endAll(): void {
    this.#server.closeAllConnections();
    this.#tls?.endAll();
  }

  #broke(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#tls?.failed(error, socket) === true) return;
    this.#broken.refuse(error, socket, () => this.#responses.has(socket));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { clock, gate, metrics, routePrefix } = this.#options;
    const { socket } = request;
    // What was in the same packet still comes.
    if (socket.destroyed) return;
    const startedAt = clock.now();
    const { path, route, url } = readTarget(routePrefix, request.url ?? '/');
    request.url = url;
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : clientClosedRequest;
      metrics.answered(route, request.method ?? '', status, Math.max(0, clock.now() - startedAt) / 1000);
      if (this.#draining) this.#server.closeIdleConnections();
    });
    if (this.#responses.add(socket, response) > maxPipelinedRequests)
      this.#broken.tooMany(socket, maxPipelinedRequests);
    else if (this.#draining) this.#refuse(request, response);
    else if (gate === undefined) this.#dispatch(path, request, response);
    else gate.admit(path, request, response, () => this.#dispatch(path, request, response));
  }

  #dispatch(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { routes, routePrefix } = this.#options;
    askForBody(request, response);
    if (path === '') answerOutsidePrefix(routePrefix, request, response);
    else routes(request, response);
  }

  /** Once the request has come in whole: ended in the middle of it, a connection would lose the answer. */
  #refuse(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Connection', 'close');
    askForBody(request, response);
    request.once('end', () => answerString(response, 503, 'Tocsin is shutting down'));
    request.resume();
  }
}

/** The code under which a request is counted whose sender went away before the answer, as nginx has it. */
const clientClosedRequest = 499;
