import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { clientCertificateProblem } from './web/client-certificate.ts';
import type { HandshakeFailure, WebMetrics } from './web/gate-report.ts';
import type { TlsSettings } from './web/web-settings.ts';
import type { BrokenRequests } from './broken-requests.ts';
import { remoteOf } from './request/sender.ts';

export interface TlsConnectionsOptions {
  readonly server: HttpsServer;
  readonly settings: TlsSettings;
  readonly webMetrics: WebMetrics;
  readonly broken: BrokenRequests;
}

/** TCP connection → handshake → client certificate looked at → HTTP. Ends, counts and tells of what does not come to the last. */
export class TlsConnections {
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
