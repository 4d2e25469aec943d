import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that sends whatever a test wants, even what no HTTP server would send. */
export interface RawServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** The heads (request line and headers) of the requests so far. */
  readonly heads: readonly string[];
  /** How many connections have been made in total. */
  connections(): number;
  /** Resolves with the connection that carried the first request. */
  requested(): Promise<Socket>;
  /** Resolves once the client has closed every connection. */
  disconnected(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server on a free loopback port; it calls `answer` for each request head, and for a TLS greeting. */
export async function startRawServer(answer: (socket: Socket, head: string) => void): Promise<RawServer> {
  const heads: string[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const request = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    onRequestHead(socket, (head) => {
      heads.push(head);
      answer(socket, head);
      request.resolve(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    heads,
    connections: () => connections,
    requested: () => request.promise,
    disconnected: async () => {
      for (const socket of open) await new Promise((resolve) => socket.once('close', resolve));
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A TLS greeting starts with byte 22 and has no end that a plain server could recognise. */
function onRequestHead(socket: Socket, callback: (head: string) => void): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (!text.endsWith('\r\n\r\n') && text.charCodeAt(0) !== 22) return;
    const head = text;
    text = '';
    callback(head);
  });
}
