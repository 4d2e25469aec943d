import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';

/** What can stand where a file should be, and would hold whoever reads it; each is put at a path that is free. */
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
