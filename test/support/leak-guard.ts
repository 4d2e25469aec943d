import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';

// As in src/main.ts: a hundred processes of test files load the same sources, and reading their types costs each a third of a second.
enableCompileCache(fileURLToPath(new URL('../../.compile-cache', import.meta.url)));

/** How long a test file may take to end after its last test: closing sockets and children need a moment. */
const graceMs = 30_000;

/**
 * Loaded before each test file (`node --import`): a file that leaves a timer, a socket, a server or a child behind would
 * hang for ever. Instead it fails, and says what it left.
 */
if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  after(() => {
    const timer = setTimeout(() => {
      const left = process.getActiveResourcesInfo().join(', ');
      process.stderr.write(`This file does not end ${graceMs / 1000} s after its last test: it left ${left}\n`);
      process.exit(1);
    }, graceMs);
    timer.unref();
  });
}
