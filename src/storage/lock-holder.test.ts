import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { holderIn, lockHolder } from './lock-holder.ts';
import { StorageLock } from './storage-lock.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-holder');
  return folder;
}

describe('lockHolder', { skip: process.platform !== 'linux' && 'only Linux tells who holds a lock' }, () => {
  it('is the process that holds the lock, until it releases it', async (t) => {
    const folder = await folderOf(t);
    const lock = new StorageLock(folder, new RecordingLogger());
    assert.equal(await lockHolder(folder), undefined);
    await lock.acquire();
    const holder = await lockHolder(folder);
    await lock.release();
    assert.equal(holder?.pid, process.pid);
    assert.match(holder.command ?? '', /node/);
    assert.equal(await lockHolder(folder), undefined);
  });

  it('leaves the lock in place', async (t) => {
    const folder = await folderOf(t);
    const lock = new StorageLock(folder, new RecordingLogger());
    await lock.acquire();
    await lockHolder(folder);
    assert.equal((await lockHolder(folder))?.pid, process.pid);
    await lock.release();
  });
});

describe('holderIn', () => {
  const locks = [
    '1: POSIX  ADVISORY  WRITE 41 fe:00:7 0 EOF',
    '1: -> POSIX  ADVISORY  WRITE 42 fe:00:7 1073741824 1073742335',
    '2: FLOCK  ADVISORY  WRITE 43 fe:00:7 1073741824 1073742335',
    '3: POSIX  ADVISORY  READ 44 fe:00:7 1073741824 1073742335',
    '4: POSIX  ADVISORY  WRITE 0 fe:00:7 1073741824 1073742335',
    '5: POSIX  ADVISORY  WRITE 45 fe:00:77 1073741824 1073742335',
    '',
  ];

  it('takes no other lock for it', () => {
    assert.equal(holderIn(locks.join('\n'), 7n), undefined);
    assert.equal(holderIn('', 7n), undefined);
  });

  it('finds it among others', () => {
    const own = '6: POSIX  ADVISORY  WRITE 46 08:01:7 1073741824 1073742335';
    assert.equal(holderIn([...locks, own].join('\n'), 7n), 46);
  });

  it('reads anything', () => {
    fc.assert(fc.property(fc.string(), fc.bigInt(), (text, inode) => holderIn(text, inode) === undefined));
  });
});
