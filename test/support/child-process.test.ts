import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startChild, waitUntilReady, type Child } from './child-process.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { freePort } from './free-port.ts';

describe('startChild', () => {
  it('hands over each line of stdout and stderr, whole, also the last one', async () => {
    const lines: string[] = [];
    const program = `process.stdout.write('a\\u2028b\\nc'); setImmediate(() => { console.log('d'); process.stderr.write('e'); })`;
    const child = await startProgram(program, (line) => lines.push(line));
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.deepEqual(lines.toSorted(), ['a\u2028b', 'cd', 'e']);
    assert.deepEqual(child.exit(), { code: 0, signal: null });
  });

  it('keeps the last 50 lines', async () => {
    const child = await startProgram(`for (let i = 1; i <= 60; i++) console.log(i)`);
    await child.exited;
    assert.deepEqual(
      child.recentOutput().split('\n'),
      Array.from({ length: 50 }, (_, i) => `${i + 11}`),
    );
  });

  it('says how a child has ended that no test ended, and what it wrote to stderr last, however much it wrote to stdout', async (t) => {
    const told = t.mock.method(process.stderr, 'write', () => true);
    const failing = `console.error('out of memory'); for (let i = 0; i < 99; i++) console.log(i); process.exitCode = 7`;
    const failed = await startProgram(failing);
    await failed.exited;
    const [ended, stopped] = [await startProgram(''), await startProgram(forever)];
    await ended.exited;
    await stopped.stop();
    assert.deepEqual(
      told.mock.calls.map(({ arguments: [text] }) => text),
      [`program (${failed.pid}) ended by itself: 7; its last errors:\nout of memory\n`],
    );
  });

  it('rejects when there is no such program', async () => {
    await assert.rejects(startChild({ name: 'nothing', command: '/nonexistent', args: [] }), { code: 'ENOENT' });
  });

  it('stops with SIGTERM, also a child that is paused, and more than once', async () => {
    const child = await startProgram(`process.on('SIGTERM', () => process.exit(7)); console.log('up'); ${forever}`);
    await eventually(
      () => child.recentOutput(),
      (output) => output === 'up',
    );
    child.kill('SIGSTOP');
    assert.deepEqual(await Promise.all([child.stop(), child.stop()]), [
      { code: 7, signal: null },
      { code: 7, signal: null },
    ]);
    assert.deepEqual(await child.stop(), { code: 7, signal: null });
    assert.throws(() => process.kill(child.pid, 0), { code: 'ESRCH' });
  });

  it('kills a child that does not heed SIGTERM', async () => {
    const child = await startProgram(`process.on('SIGTERM', () => console.log('no')); console.log('up'); ${forever}`);
    await eventually(
      () => child.recentOutput(),
      (output) => output === 'up',
    );
    assert.deepEqual(await child.stop(50), { code: null, signal: 'SIGKILL' });
  });

  it('leaves no child behind when a test forgets it', async () => {
    const url = new URL('child-process.ts', import.meta.url).href;
    const forgetful = await startProgram(`
      const { startChild } = await import('${url}');
      const args = ['-e', "setInterval(() => {}, 1000)"];
      console.log((await startChild({ name: 'forgotten', command: process.execPath, args })).pid);
      process.exit();`);
    await forgetful.exited;
    const pid = Number(forgetful.recentOutput());
    assert.ok(pid > 0, forgetful.recentOutput());
    await eventually(
      () => isRunning(pid),
      (running) => !running,
    );
  });
});

describe('waitUntilReady', () => {
  it('resolves when the url answers with a 2xx', async () => {
    const port = await freePort();
    const child = await startProgram(`
      let asked = 0;
      const answer = (_, response) => response.writeHead(++asked < 3 ? 503 : 204).end(() => console.log(asked));
      require('node:http').createServer(answer).listen(${port}, '127.0.0.1');`);
    try {
      await waitUntilReady(child, `http://127.0.0.1:${port}/`);
      await eventually(
        () => child.recentOutput(),
        (output) => output === '1\n2\n3',
      );
    } finally {
      await child.stop();
    }
  });

  it('rejects with the last lines of a child that ends', async () => {
    const child = await startProgram(`console.error('no such folder'); process.exit(3)`);
    await assert.rejects(waitUntilReady(child, `http://127.0.0.1:${await freePort()}/`), {
      message: 'program ended (3) before it was ready; its last lines:\nno such folder',
    });
  });

  it('rejects when the child does not become ready in time', async () => {
    const child = await startProgram(forever);
    const url = `http://127.0.0.1:${await freePort()}/`;
    await assert.rejects(waitUntilReady(child, url, 50), /^Error: program is not ready after 50 ms/);
    await child.stop();
  });
});

const forever = 'setInterval(() => {}, 1000)';

function startProgram(program: string, onLine: (line: string) => void = () => undefined): Promise<Child> {
  return startChild({ name: 'program', command: process.execPath, args: ['-e', program], onLine });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
