import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { WebMetrics, HandshakeFailure } from './web/gate-report.ts';
import type { TlsSettings } from './web/web-settings.ts';
import { noTunnel, tooManyHeaders, type BrokenRequests } from './broken-requests.ts';
import type { Connection } from './connection.ts';
import type { Connections, ParseError } from './connections.ts';
import { createServer, isTlsServer, type ServerLimits } from './create-server.ts';
import { clientCertificateProblem } from './web/client-certificate.ts';
import { remoteOf } from './request/request-head.ts';

/** The limits of connections that can change while the server runs; milliseconds. */
export interface ConnectionLimits {
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

interface ConnectionServerOptions {
  readonly limits: ServerLimits;
  /** Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
  readonly webMetrics: WebMetrics;
  readonly broken: BrokenRequests;
  readonly connections: Connections;
  /**
   * Answers a request, and returns a function to be called once the answer is closed.
   * @param owed the number of answers that the request's connection is owed now, this one included
   */
  readonly serve: (request: IncomingMessage, response: ServerResponse, owed: number) => () => void;
}

/**
 * A Node server for connections that are handed to it: it has no port of its own. Node cannot change on a running server whether
 * it speaks TLS, or whether it asks for a client certificate. For such a change, another server takes the new connections, and
 * this one ends its own.
 */
export class ConnectionServer {
  readonly #server: Server | HttpsServer;
  readonly #tls: TlsConnections | undefined;
  readonly #connections: Connections;
  /** By the raw socket. */
  readonly #open = new Map<Socket, Connection>();
  #whyEnding: string | undefined;
  #ended: (() => void) | undefined;

  constructor({ limits, tls, webMetrics, broken, connections, serve }: ConnectionServerOptions) {
    this.#connections = connections;
    this.#server = createServer(limits, tls, (request, response) => {
      if (request.socket.destroyed) return; // A request from the same packet still arrives.
      if (request.rawHeaders.length > 2 * limits.maxHeaders)
        return broken.refuse(tooManyHeaders(), request.socket, () => true);
      connections.begin(request, response);
      const served = serve(request, response, connections.owedAnswers(request.socket));
      response.on('close', () => {
        connections.end(request, response);
        served();
        if (this.#whyEnding !== undefined) this.#server.closeIdleConnections();
      });
    });
    if (tls !== undefined && isTlsServer(this.#server))
      this.#tls = new TlsConnections({ server: this.#server, settings: tls, webMetrics, broken });
    this.#server.on('connect', (_: IncomingMessage, socket: Duplex) => {
      // Node has released the socket and no longer handles its errors.
      socket.on('error', () => socket.destroy());
      broken.refuse(noTunnel(), socket as Socket, () => true);
    });
    this.#server.on('secureConnection', (socket: Socket) => connections.secured(socket));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (this.#tls?.failed(error, socket as Socket) === true) return;
      const hasTooMany =
        isOverflow(error) && connections.headBytes(socket as Socket, error as ParseError) <= limits.maxHeaderBytes;
      const hasHead = (): boolean => connections.owedAnswers(socket as Socket) > 0;
      broken.refuse(hasTooMany ? tooManyHeaders() : error, socket as Socket, hasHead);
    });
  }

  /** Call it before the first connection. */
  start(): void {
    // Node watches its time limits only from when a server listens; this one never listens.
    this.#server.emit('listening');
  }

  /** Undefined: plain HTTP. */
  get tls(): TlsSettings | undefined {
    return this.#tls?.settings;
  }

  /** The reason why it accepts no more requests, for the answer to one; undefined while it accepts them. */
  get whyEnding(): string | undefined {
    return this.#whyEnding;
  }

  /** Changes the limits, for everything that arrives from now on. */
  set limits({ headerTimeoutMs, requestTimeoutMs, idleTimeoutMs }: ConnectionLimits) {
    this.#server.headersTimeout = Math.min(headerTimeoutMs, requestTimeoutMs);
    this.#server.requestTimeout = requestTimeoutMs;
    this.#server.keepAliveTimeout = idleTimeoutMs;
    // A client that does not read the answer must not keep a connection forever.
    this.#server.timeout = Math.max(idleTimeoutMs, requestTimeoutMs);
  }

  accept(socket: Socket): void {
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#endIfEmpty();
    });
    // TLS has no half-open connections.
    if (this.#tls !== undefined) socket.allowHalfOpen = false;
    this.#open.set(socket, this.#connections.open(socket, this.#tls !== undefined));
    this.#server.emit('connection', socket);
  }

  /** Uses another certificate for new connections; open ones go on. */
  renew(tls: TlsSettings | undefined): void {
    if (tls !== undefined) this.#tls?.use(tls);
  }

  /**
   * Ends idle connections at once, and every other one after its current answer. `serve` has to refuse requests that arrive
   * meanwhile: {@link whyEnding}.
   * @param ended called once no connection is left
   */
  end(why: string, ended: () => void): void {
    this.#whyEnding = why;
    this.#ended = ended;
    for (const connection of this.#open.values()) connection.announceClose();
    this.#server.closeIdleConnections();
    this.#endIfEmpty();
  }

  /** Ends every connection, even before it has got as far as HTTP. */
  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #endIfEmpty(): void {
    if (this.#whyEnding === undefined || this.#open.size > 0) return;
    // Stops the check of its time limits.
    this.#server.close();
    this.#ended?.();
  }
}

/** Node reports the same error for too many headers and for too many bytes. */
function isOverflow({ code }: NodeJS.ErrnoException): boolean {
  return code === 'HPE_HEADER_OVERFLOW';
}

interface TlsConnectionsOptions {
  readonly server: HttpsServer;
  readonly settings: TlsSettings;
  readonly webMetrics: WebMetrics;
  readonly broken: BrokenRequests;
}

/**
 * TCP connection → handshake → check of the client certificate → HTTP. It ends, counts and logs connections that do not reach
 * HTTP.
 */
class TlsConnections {
  readonly #options: TlsConnectionsOptions;
  readonly #secured = new WeakSet<Socket>();
  #settings: TlsSettings;

  constructor(options: TlsConnectionsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    options.server.on('secureConnection', (socket) => this.#secure(socket));
  }

  /** The settings for new connections. */
  get settings(): TlsSettings {
    return this.#settings;
  }

  /** Uses the new certificate for new connections; open ones go on. */
  use(settings: TlsSettings): void {
    this.#settings = settings;
    this.#options.server.setSecureContext(settings.context);
  }

  /** True if the error concerns a connection during its handshake; then it has been handled. */
  failed(error: NodeJS.ErrnoException, socket: Socket): boolean {
    if (this.#secured.has(socket)) return false;
    this.#count(failureOf(error), socket, error.code ?? error.message);
    socket.destroy();
    return true;
  }

  #secure(socket: TLSSocket): void {
    const problem = clientCertificateProblem(this.#settings, socket);
    this.#secured.add(socket);
    if (problem === undefined) return;
    this.#count('certificate', socket, problem);
    socket.destroy();
  }

  #count(reason: HandshakeFailure, socket: Socket, text: string): void {
    this.#options.webMetrics.handshakeFailed(reason);
    // A client that disconnects by itself is usually a port probe.
    if (reason !== 'reset') this.#options.broken.handshakeFailed(remoteOf(socket), reason, text);
  }
}

function failureOf({ code = '' }: NodeJS.ErrnoException): HandshakeFailure {
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'timeout';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'protocol';
}
