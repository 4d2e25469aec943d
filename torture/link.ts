import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The network between one client and one server: it can be cut, and tells what comes through. */
export class Link {
  /** Called with each piece before it is passed on. */
  onRequest: (text: string) => void = () => undefined;
  onAnswer: (text: string) => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** @param port of the server on 127.0.0.1 at present */
  private constructor(port: () => number) {
    this.#server = createServer((client) => this.#join(client, port()));
  }

  static async start(port: () => number): Promise<Link> {
    const link = new Link(port);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on no byte comes through, and neither side notices: a network that swallows packets. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was swallowed is gone, so the connections are too. */
  heal(): void {
    if (this.#isCut) this.reset();
    this.#isCut = false;
  }

  /** Ends every connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.reset();
    await once(this.#server, 'close');
  }

  #join(client: Socket, port: number): void {
    this.#add(client);
    if (this.#isCut) return;
    const server = this.#add(connect(port, '127.0.0.1'));
    this.#pass(client, server, (text) => this.onRequest(text));
    this.#pass(server, client, (text) => this.onAnswer(text));
  }

  #pass(from: Socket, to: Socket, tell: (text: string) => void): void {
    from.on('data', (piece: Buffer) => {
      if (this.#isCut) return;
      tell(piece.toString('latin1'));
      to.write(piece);
    });
    from.on('end', () => this.#isCut || to.end());
    from.on('close', () => this.#isCut || to.destroy());
  }

  #add(socket: Socket): Socket {
    this.#sockets.add(socket);
    // An error is followed by a close.
    return socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}
