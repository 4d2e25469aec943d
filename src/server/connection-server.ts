import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { WebMetrics, HandshakeFailure } from './web/gate-report.ts';
import type { TlsSettings } from './web/web-settings.ts';
import { noTunnel, tooManyHeaders, type BrokenRequests } from './broken-requests.ts';
import type { Connection } from './connection.ts';
import type { Connections, ParseError } from './connections.ts';
import { createServer, type ServerLimits } from './create-server.ts';
import { clientCertificateProblem } from './web/client-certificate.ts';
import { remoteOf } from './request/sender.ts';

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
   * Answers a request, and returns what is to be called once the answer is closed.
   * @param owed how many answers the request's connection is owed now, this one included
   */
  readonly serve: (request: IncomingMessage, response: ServerResponse, owed: number) => () => void;
}

/**
 * A server of Node for connections that are handed to it: it has no port of its own. Node cannot change on a living server
 * whether it speaks TLS, nor whether it asks for a client certificate; so another server takes the new connections then,
 * and this one ends those that it has.
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
      if (request.socket.destroyed) return; // What was in the same packet still comes.
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
    if (tls !== undefined && this.#server instanceof HttpsServer)
      this.#tls = new TlsConnections({ server: this.#server, settings: tls, webMetrics, broken });
    this.#server.on('connect', (_: IncomingMessage, socket: Duplex) => {
      // Node has let go of the socket, and looks after none of its errors any more.
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

  /** To be called before the first connection. */
  start(): void {
    // Node begins to watch its time limits when a server begins to listen; this one never does.
    this.#server.emit('listening');
  }

  /** Undefined: plain HTTP. */
  get tls(): TlsSettings | undefined {
    return this.#tls?.settings;
  }

  /** Why it takes no requests any more, for whoever sends one; undefined while it does. */
  get whyEnding(): string | undefined {
    return this.#whyEnding;
  }

  /** Other limits, for what comes from now on. */
  set limits({ headerTimeoutMs, requestTimeoutMs, idleTimeoutMs }: ConnectionLimits) {
    this.#server.headersTimeout = Math.min(headerTimeoutMs, requestTimeoutMs);
    this.#server.requestTimeout = requestTimeoutMs;
    this.#server.keepAliveTimeout = idleTimeoutMs;
    // Somebody who does not take the answer must not have a connection for ever.
    this.#server.timeout = Math.max(idleTimeoutMs, requestTimeoutMs);
  }

  accept(socket: Socket): void {
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#endIfEmpty();
    });
    // TLS has no half of a connection that could go on alone.
    if (this.#tls !== undefined) socket.allowHalfOpen = false;
    this.#open.set(socket, this.#connections.open(socket, this.#tls !== undefined));
    this.#server.emit('connection', socket);
  }

  /** New connections get another certificate; those that are open go on. */
  renew(tls: TlsSettings | undefined): void {
    if (tls !== undefined) this.#tls?.use(tls);
  }

  /**
   * Ends what is idle at once, and every other connection after its present answer. Whatever comes on one meanwhile is for
   * `serve` to refuse: {@link whyEnding}.
   * @param ended called once no connection is left
   */
  end(why: string, ended: () => void): void {
    this.#whyEnding = why;
    this.#ended = ended;
    for (const connection of this.#open.values()) connection.announceClose();
    this.#server.closeIdleConnections();
    this.#endIfEmpty();
  }

  /** Ends every connection, also those that have not got as far as HTTP. */
  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #endIfEmpty(): void {
    if (this.#whyEnding === undefined || this.#open.size > 0) return;
    // Stops the watch over its time limits.
    this.#server.close();
    this.#ended?.();
  }
}

/** Node says the same of a head with too many headers and of one with too many bytes. */
function isOverflow({ code }: NodeJS.ErrnoException): boolean {
  return code === 'HPE_HEADER_OVERFLOW';
}

interface TlsConnectionsOptions {
  readonly server: HttpsServer;
  readonly settings: TlsSettings;
  readonly webMetrics: WebMetrics;
  readonly broken: BrokenRequests;
}

/** TCP connection → handshake → client certificate looked at → HTTP. Ends, counts and tells of what does not come to the last. */
class TlsConnections {
  readonly #options: TlsConnectionsOptions;
  readonly #secured = new WeakSet<Socket>();
  #settings: TlsSettings;

  constructor(options: TlsConnectionsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    options.server.on('secureConnection', (socket) => this.#secure(socket));
  }

  /** In use for new connections. */
  get settings(): TlsSettings {
    return this.#settings;
  }

  /** New connections get the new certificate; those that are open go on. */
  use(settings: TlsSettings): void {
    this.#settings = settings;
    this.#options.server.setSecureContext(settings.context);
  }

  /** True if the error is about a connection that was still shaking hands; then it is dealt with. */
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
    // Who goes away by himself is a probe of the port, as a rule.
    if (reason !== 'reset') this.#options.broken.handshakeFailed(remoteOf(socket), reason, text);
  }
}

function failureOf({ code = '' }: NodeJS.ErrnoException): HandshakeFailure {
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'timeout';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'protocol';
}
