import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { HostileRequest } from './hostile-request.ts';

export interface Outcome {
  /** The statuses of the answers, except 1xx. */
  readonly statuses: readonly number[];
  /** False if the server kept the connection until the patience ended. */
  readonly ended: boolean;
}

/** How long an answer may take, in milliseconds; after that the client cuts the connection. */
const patienceMs = 15_000;
/** How long a client that has sent everything and expects no answer waits for one, in milliseconds. */
const shortPatienceMs = 1500;

/** Uses another source address for each of many connections, since the system keeps every pair of addresses for a minute. */
function localAddress(index: number): string {
  return `127.0.${(index >> 7) & 127}.${(index & 127) + 1}`;
}

/** Sends the data of one connection, and returns what came back. Never rejects. */
export async function attack(port: number, request: HostileRequest, index: number): Promise<Outcome> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: localAddress(index), allowHalfOpen: true });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => (text += String(chunk)));
  socket.on('error', () => undefined);
  const closed = new Promise<true>((resolve) => {
    socket.once('close', () => resolve(true));
    socket.once('end', () => resolve(true));
  });
  await send(socket, request);
  const patience = new AbortController();
  const tired = setTimeout(request.answered ? patienceMs : shortPatienceMs, false, { signal: patience.signal }).catch(
    () => false,
  );
  const ended = await Promise.race([closed, tired]);
  patience.abort();
  socket.resetAndDestroy();
  return { statuses: statusesOf(text), ended };
}

async function send(socket: Socket, { chunks, end }: HostileRequest): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    if (typeof chunk === 'number') await setTimeout(chunk);
    else socket.write(chunk);
  }
  if (end === 'half-close') socket.end();
  if (end === 'reset') {
    await setTimeout(5);
    socket.resetAndDestroy();
  }
}

/** The statuses of the final answers. A body, which does not end a line, could contain such a text only if it showed ours unescaped. */
function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status >= 200);
}
