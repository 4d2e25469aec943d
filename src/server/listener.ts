import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ListenerOptions {
  /** Gets each new connection; what it does with it may be another thing each time. */
  readonly accept: (socket: Socket) => void;
  /** Called for each connection that was dropped because there were `maxConnections` already. */
  readonly dropped: (maxConnections: number) => void;
  /** Called for each connection that the system could not hand over, with its reason: a firewall's rule, no memory. */
  readonly failed: (error: NodeJS.ErrnoException) => void;
}

/**
 * So many connections may wait to be taken; the system's own limit, 4096 as a rule, is the bound. With Node's 511 the system drops what
 * comes while thousands connect at once, and a good sender tries again only a second later.
 */
const backlog = 65_535;

/** Owns the port and counts its connections. What is spoken on them can change while the port stays open. */
export class Listener {
  readonly #server: Server;
  readonly #failed: ListenerOptions['failed'];

  constructor({ accept, dropped, failed }: ListenerOptions) {
    this.#failed = failed;
    // As Node's HTTP server has it: a client may end its side before it has read the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    this.#server.on('drop', () => dropped(this.#server.maxConnections));
  }

  set maxConnections(maxConnections: number) {
    this.#server.maxConnections = maxConnections;
  }

  /** Resolves with the real address once connections are taken; rejects with the system's error (EADDRINUSE …). */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog }, () => {
        this.#server.off('error', reject);
        // Without a listener it would end the process, for one connection that did not come about.
        this.#server.on('error', this.#failed);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Takes no new connections; resolves when none is left. */
  close(): Promise<void> {
    return new Promise((resolve) => void this.#server.close(() => resolve()));
  }
}
