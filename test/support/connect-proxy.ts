import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface ConnectProxyOptions {
  /** The `user:password` that it requires; default: none. */
  readonly credentials?: string;
  /** The status of its answer to every CONNECT, such as 403, instead of opening a tunnel. */
  readonly refuseWith?: number;
}

export interface ConnectProxy {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** `CONNECT host:port`, and `GET http://host:port/path` for forwarded requests, in order. */
  readonly seen: readonly string[];
  readonly stop: () => Promise<void>;
}

/** An HTTP proxy that resolves every name to this machine, so that a test can use a name that DNS does not know. */
export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const { credentials, refuseWith } = options;
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const isWelcome = ({ headers }: IncomingMessage): boolean =>
    wanted === undefined || headers['proxy-authorization'] === wanted;
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    if (!isWelcome(incoming)) return void outgoing.writeHead(407).end();
    const { port, pathname, search } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const forwarded = send({ host: '127.0.0.1', port, path: pathname + search, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(forwarded);
  });
  server.on('connect', (incoming, socket: Socket, head: Buffer) => {
    seen.push(`CONNECT ${incoming.url}`);
    sockets.add(socket.on('error', () => undefined));
    const status = isWelcome(incoming) ? refuseWith : 407;
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const port = Number(incoming.url?.split(':').at(-1));
    const other = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      other.write(head);
    });
    sockets.add(other.on('error', () => socket.destroy()));
    socket.pipe(other).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
