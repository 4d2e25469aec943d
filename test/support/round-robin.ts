import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../src/runtime/clock.ts';

/** One address in front of several servers, as a Service is: each connection goes to the next of them. */
export interface RoundRobin {
  readonly port: number;
  /** Connections that each server got. */
  counts(): readonly number[];
  stop(): Promise<void>;
}

export interface RoundRobinOptions {
  /** Where to listen; default 127.0.0.1. */
  readonly host?: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Ends a connection on which nobody has said anything for so long, so that each request gets its own; default: never. */
  readonly idleMs?: number;
}

/** Starts it on the loopback. A server that is away costs the client its connection. @param ports where the servers listen on 127.0.0.1 just now */
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
  // From the answer on: a server that hangs is for the client to give up.
  upstream.on('data', () => {
    cancel();
    cancel = systemClock.setTimeout(end, idleMs);
  });
}
