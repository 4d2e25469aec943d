import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { StorageLock } from './storage-lock.ts';

describe('StorageLock', () => {
  it('is had by one at a time', async (t) => {
    const folder = await temporaryFolder(t);
    const one = new StorageLock(folder, new RecordingLogger());
    const two = new StorageLock(folder, new RecordingLogger());
    await one.acquire();
    await assert.rejects(two.acquire(), /another Tocsin uses the storage folder .* --storage\.path/);
    await one.release();
    await two.acquire();
    await two.release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('is free again when its process was killed', async (t) => {
    const folder = await temporaryFolder(t);
    const script = `require('node:net').createServer().listen(${JSON.stringify(join(folder, 'lock'))}, () => console.log())`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const lock = new StorageLock(folder, new RecordingLogger());
    await assert.rejects(lock.acquire(), /another Tocsin/);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await lock.acquire();
    await lock.release();
  });

  it('goes without where no socket can be, and says so', async (t) => {
    const folder = join(await temporaryFolder(t), 'x'.repeat(120));
    const logger = new RecordingLogger();
    await new StorageLock(folder, logger).acquire();
    assert.equal(logger.linesOf('storage.not_locked').length, 1);
  });
});

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-lock-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
