import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The answers that are still owed, by connection. */
export class OpenResponses {
  readonly #bySocket = new Map<Socket, Set<ServerResponse>>();

  /** Holds the response until it is closed; gives how many its connection has now. */
  add(socket: Socket, response: ServerResponse): number {
    const open = this.#bySocket.get(socket) ?? new Set();
    this.#bySocket.set(socket, open.add(response));
    response.once('close', () => {
      open.delete(response);
      if (open.size === 0) this.#bySocket.delete(socket);
    });
    return open.size;
  }

  /** True if the connection has sent the head of a request that is not answered yet. */
  has(socket: Socket): boolean {
    return this.#bySocket.has(socket);
  }

  /** Tells the other side of every answer that has not begun: it is the last one on its connection. */
  announceClose(): void {
    for (const open of this.#bySocket.values()) {
      for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }
}
