import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTocsin } from './tocsin-process.ts';

/** Does the part of Tocsin that is needed here: listens where it is told, becomes ready, logs its arguments, ends on SIGTERM. */
const standIn = `
import { createServer } from 'node:http';
const log = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
const address = process.argv.find((arg) => arg.startsWith('--web.listen-address=')).split('=')[1];
const [host, port] = address.split(':');
const server = createServer((request, response) => {
  log('request', { path: request.url });
  response.end();
});
server.listen(Number(port), host, () => log('started', { args: process.argv.slice(2) }));
process.on('SIGTERM', () => { log('stopped', {}); process.exit(); });
`;

describe('startTocsin', () => {
  let dir: string;
  let main: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tocsin-process-test-'));
    main = join(dir, 'main.mjs');
    await writeFile(main, standIn);
  });
  after(() => rm(dir, { recursive: true }));

  it('runs it with a log that can be awaited, and leaves nothing behind', async () => {
    const tocsin = await startTocsin({ dir, main, args: ['--log.level=debug'] });
    const started = await tocsin.log.waitForLine(({ event }) => event === 'started');
    assert.deepEqual(started['args'], [
      `--web.listen-address=${tocsin.address}`,
      `--storage.path=${tocsin.storagePath}`,
      '--log.format=json',
      '--log.level=debug',
    ]);
    await fetch(`${tocsin.url}/asked`);
    await tocsin.log.waitForLine(({ event, path }) => event === 'request' && path === '/asked');
    await tocsin.stop();
    assert.equal(tocsin.log.all.at(-1)?.event, 'stopped');
    assert.deepEqual(await readdir(dir), ['main.mjs']);
    await assert.rejects(
      tocsin.log.waitForLine(({ event }) => event === 'never'),
      /tocsin has ended \(0\)/,
    );
  });
});
