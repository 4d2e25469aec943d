import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ListenerOptions {
  /** Called with each new connection. Its effect may change while the port is open. */
  readonly accept: (socket: Socket) => void;
  /** Called for each connection that was dropped because there were `maxConnections` already. */
  readonly dropped: (maxConnections: number) => void;
  /** Called for each connection that the system could not hand over, with the reason: a firewall rule, no memory. */
  readonly failed: (error: NodeJS.ErrnoException) => void;
}

/**
 * The most connections that wait to be accepted; the system's own limit, usually 4096, is lower. With Node's 511, the system
 * drops connections while thousands connect at once, and a good sender tries again only a second later.
 */
const backlog = 65_535;

/** Owns the port and counts its connections. The protocol can change while the port stays open. */
export class Listener {
  readonly #server: Server;
  readonly #failed: ListenerOptions['failed'];

  constructor({ accept, dropped, failed }: ListenerOptions) {
    this.#failed = failed;
    // As in Node's HTTP server: a client may end its side before it has read the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    this.#server.on('drop', () => dropped(this.#server.maxConnections));
  }

  set maxConnections(maxConnections: number) {
    this.#server.maxConnections = maxConnections;
  }

  /** Resolves with the real address once connections are accepted; rejects with the system's error (EADDRINUSE …). */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog }, () => {
        this.#server.off('error', reject);
        // Without a listener, one connection that could not be made would end the process.
        this.#server.on('error', this.#failed);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Accepts no new connections; resolves when none is left. */
  close(): Promise<void> {
    return new Promise((resolve) => void this.#server.close(() => resolve()));
  }
}
