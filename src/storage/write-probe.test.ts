import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { WriteProbe } from './write-probe.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await temporaryFolder(t, 'tocsin-probe');
  return path;
}

describe('WriteProbe', () => {
  it('finds a folder that can be written, and leaves nothing there', async (t) => {
    const path = await folder(t);
    const probe = new WriteProbe(path, new FakeClock());
    assert.deepEqual(await Promise.all([probe.error(), probe.error()]), [undefined, undefined]);
    assert.deepEqual(await readdir(path), []);
  });

  it('says why a folder cannot be written, anew after a second', async (t) => {
    const path = join(await folder(t), 'later');
    const clock = new FakeClock();
    const probe = new WriteProbe(path, clock);
    assert.equal(await probe.error(), 'ENOENT');
    await mkdir(path);
    assert.equal(await probe.error(), 'ENOENT');
    await clock.advanceAsync(1000);
    assert.equal(await probe.error(), undefined);
  });

  it('does not write through a link', async (t) => {
    const path = await folder(t);
    const other = join(await folder(t), 'other');
    await writeFile(other, 'kept');
    await symlink(other, join(path, 'tocsin.probe'));
    assert.equal(await new WriteProbe(path, new FakeClock()).error(), undefined);
    assert.equal(await readFile(other, 'utf8'), 'kept');
  });
});
