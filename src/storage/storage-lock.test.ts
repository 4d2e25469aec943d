import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { StorageLock } from './storage-lock.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

describe('StorageLock', () => {
  it('has one holder at a time', async (t) => {
    const folder = await temporaryFolder(t);
    const one = new StorageLock(folder, new RecordingLogger());
    const two = new StorageLock(folder, new RecordingLogger());
    await one.acquire();
    await assert.rejects(two.acquire(), /another Tocsin uses the storage folder .* --storage\.path/);
    await one.release();
    await two.acquire();
    await two.release();
    assert.deepEqual(await readdir(folder), ['tocsin.lock']);
  });

  it('is free again after its process was killed', async (t) => {
    const folder = await temporaryFolder(t);
    const holder = contender(t, folder);
    assert.equal(await holder.try(), 'won');
    const lock = new StorageLock(folder, new RecordingLogger());
    await assert.rejects(lock.acquire(), /another Tocsin/);
    await holder.kill();
    await lock.acquire();
    await lock.release();
  });

  it('goes to exactly one of several processes that find a dead holder at once', async (t) => {
    const folder = await temporaryFolder(t);
    let contenders = Array.from({ length: 4 }, () => contender(t, folder));
    for (let round = 0; round < 8; round++) {
      const results = await Promise.all(contenders.map((each) => each.try()));
      assert.deepEqual(results.toSorted(), ['lost', 'lost', 'lost', 'won']);
      const winner = contenders[results.indexOf('won')]!;
      await winner.kill();
      contenders = [...contenders.filter((each) => each !== winner), contender(t, folder)];
    }
  });

  it('accepts a damaged file, and still keeps others out', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'tocsin.lock'), '4711\n'.repeat(1000));
    const logger = new RecordingLogger();
    const [one, two] = [new StorageLock(folder, logger), new StorageLock(folder, logger)];
    await one.acquire();
    await assert.rejects(two.acquire(), /another Tocsin/);
    await one.release();
    assert.deepEqual(logger.linesOf('storage.not_locked'), []);
  });

  it('passes on no warning that SQLite is experimental', async (t) => {
    const getBuiltinModule = process.getBuiltinModule.bind(process);
    const load = t.mock.method(process, 'getBuiltinModule', (id: string) => {
      process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning');
      return getBuiltinModule(id);
    });
    const warned = t.mock.method(process, 'emitWarning', () => undefined);
    const lock = new StorageLock(await temporaryFolder(t), new RecordingLogger());
    await lock.acquire();
    await lock.release();
    assert.equal(load.mock.callCount(), 1);
    assert.equal(warned.mock.callCount(), 0);
  });

  it('goes on without a lock if nothing can be locked, and says so', async (t) => {
    for (const make of [mkdir, (path: string) => symlink(join(path, '../elsewhere'), path)]) {
      const folder = await temporaryFolder(t);
      await make(join(folder, 'tocsin.lock'));
      const logger = new RecordingLogger();
      const lock = new StorageLock(folder, logger);
      await lock.acquire();
      await lock.release();
      assert.equal(logger.linesOf('storage.not_locked').length, 1);
      assert.deepEqual(await readdir(folder), ['tocsin.lock']);
    }
  });
});

/** A separate process that tries to take the lock on each command. */
function contender(t: TestContext, folder: string) {
  const script = `
    const { StorageLock } = await import(${JSON.stringify(new URL('storage-lock.ts', import.meta.url).href)});
    process.stdin.on('data', () => {
      const lock = new StorageLock(${JSON.stringify(folder)}, { warn: console.error });
      lock.acquire().then(() => console.log('won'), () => console.log('lost'));
    });
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ready = lines.next();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(kill);
  return {
    kill,
    async try(): Promise<string> {
      await ready;
      child.stdin.write('try\n');
      return (await lines.next()).value as string;
    },
  };
}
