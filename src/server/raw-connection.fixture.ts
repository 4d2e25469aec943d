import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A connection on which a test sends what no HTTP client would. */
export interface RawConnection {
  readonly socket: Socket;
  send(text: string): void;
  /** Everything received so far, once it matches. Rejects if the connection ends first. */
  received(pattern: RegExp): Promise<string>;
  /** Everything received, once the connection is closed. */
  readonly closed: Promise<string>;
}

/** Connects to the loopback; the connection is closed after the test. */
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

/** The head of a request without a body, with additional headers if needed. */
export function requestHead(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
}
