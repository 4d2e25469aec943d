import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../src/runtime/clock.ts';

/** One address in front of several servers, like a Service: each connection goes to the next server. */
export interface RoundRobin {
  readonly port: number;
  /** How many connections each server has received. */
  counts(): readonly number[];
  stop(): Promise<void>;
}

export interface RoundRobinOptions {
  /** The address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** Ends a connection that has been idle for this long, so that each request gets a new connection; default: never. */
  readonly idleMs?: number;
}

/** Starts it on the loopback. If a server is down, the client loses its connection. @param ports of the servers on 127.0.0.1 at present */
export async function startRoundRobin(
  ports: () => readonly number[],
  options: RoundRobinOptions = {},
): Promise<RoundRobin> {
  const { host = '127.0.0.1', port = 0, idleMs } = options;
  const counts = ports().map(() => 0);
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    const index = turn++ % counts.length;
    counts[index]!++;
    const upstream = connect(ports()[index]!, '127.0.0.1');
    join(client, upstream, idleMs);
    for (const socket of [client, upstream]) sockets.add(socket.on('close', () => sockets.delete(socket)));
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    counts: () => [...counts],
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function join(client: Socket, upstream: Socket, idleMs: number | undefined): void {
  let cancel = (): void => undefined;
  const end = (): void => {
    cancel();
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  client.pipe(upstream);
  upstream.pipe(client);
  if (idleMs === undefined) return;
  // Only from the answer on: the client has to give up a server that hangs.
  upstream.on('data', () => {
    cancel();
    cancel = systemClock.setTimeout(end, idleMs);
  });
}
