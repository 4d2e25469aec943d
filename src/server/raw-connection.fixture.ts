import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A connection over which a test sends what no HTTP client would. */
export interface RawConnection {
  readonly socket: Socket;
  send(text: string): void;
  /** All that has come so far, once it matches. Rejects if the connection ends before. */
  received(pattern: RegExp): Promise<string>;
  /** All that came, once the connection is closed. */
  readonly closed: Promise<string>;
}

/** Connects to the loopback; the connection is gone when the test is over. */
export async function rawConnection(test: TestContext, port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  test.after(() => socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += String(chunk);
    socket.emit('text');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  await once(socket, 'connect');
  return {
    socket,
    closed,
    send: (piece) => void socket.write(piece),
    received: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text)) resolve(text);
        };
        socket.on('text', look);
        void closed.then(() => reject(new Error(`the connection ended without ${pattern}: ${text}`)));
        look();
      }),
  };
}

/** The head of a request without a body, with more headers if need be. */
export function requestHead(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
}
