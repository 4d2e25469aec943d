import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';

/** Things that can stand in place of a file and would block a reader; each is made at a free path. */
export const irregularFiles: readonly (readonly [
  what: string,
  make: (test: TestContext, path: string) => Promise<unknown>,
])[] = [
  ['a named pipe', async (_, path) => execFileSync('mkfifo', [path])],
  ['a device', async (_, path) => symlink('/dev/zero', path)],
  ['a directory', async (_, path) => mkdir(path)],
  ['a socket', listenAt],
];

async function listenAt(test: TestContext, path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  test.after(() => server.close());
}
