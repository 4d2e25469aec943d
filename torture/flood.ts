import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** What a connection sends before it falls silent. */
export interface FloodKind {
  readonly tls: boolean;
  readonly text: string;
}

const post = 'POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const noBody = 'Content-Length: 10\r\n\r\n';

export const floodKinds = {
  idle: { tls: false, text: '' },
  'half head': { tls: false, text: `${post}X: ${'a'.repeat(8000)}` },
  'half head of short headers': { tls: false, text: `${post}${shortHeaders(90)}X: ${'a'.repeat(8000)}` },
  'no body, 800 short headers': { tls: false, text: post + shortHeaders(800) + noBody },
  'no body, 90 long headers': { tls: false, text: post + shortHeaders(90, 150) + noBody },
  'TLS idle': { tls: true, text: '' },
  'TLS half head': { tls: true, text: `${post}X: ${'a'.repeat(8000)}` },
} as const satisfies Readonly<Record<string, FloodKind>>;
export type FloodName = keyof typeof floodKinds;

function shortHeaders(count: number, valueLength = 1): string {
  return Array.from({ length: count }, (_, index) => `h${index}: ${'v'.repeat(valueLength)}\r\n`).join('');
}

export interface Flood {
  /** How many connections have been made. */
  readonly made: number;
  /** How many the server has ended by now. */
  ended(): number;
  stop(): void;
}

/** The connections made at a time, and per second. With more, one CPU is busy with their heads alone: a matter of CPU, not of memory. */
const atOnce = 100;
const perSecond = 2500;

/** Uses another source address for each of many connections, since the system keeps every pair of addresses for a minute. */
function localAddress(index: number): string {
  return `127.1.${(index >> 7) & 127}.${(index & 127) + 1}`;
}

/** Opens this many connections, sends each one's text, and then leaves them as they are. Never rejects. */
export async function flood(port: number, { tls, text }: FloodKind, count: number): Promise<Flood> {
  const sockets = new Set<Socket>();
  let ended = 0;
  let made = 0;
  const open = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const where = { port, host: '127.0.0.1', localAddress: localAddress(index) };
      const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
      sockets.add(socket);
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        made++;
        if (text === '') return resolve();
        socket.write(text, () => resolve());
      });
      socket.resume();
      socket.on('error', () => undefined);
      socket.once('close', () => {
        if (sockets.delete(socket)) ended++;
        resolve();
      });
    });
  let next = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const earlyMs = startedAt + (next / perSecond) * 1000 - performance.now();
      if (earlyMs > 1) await setTimeout(earlyMs);
      if (next < count) await Promise.race([open(next++), setTimeout(5000)]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return {
    made,
    ended: () => ended,
    stop() {
      const left = [...sockets];
      sockets.clear();
      for (const socket of left) socket.destroy();
    },
  };
}
