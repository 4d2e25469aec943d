import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { lookAt, mountOf, sha256Of } from './loaded-files.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

async function fileOf(t: TestContext, text: string): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-files');
  await writeFile(join(folder, 'a.yml'), text);
  return join(folder, 'a.yml');
}

describe('lookAt', () => {
  it('says which file it is, how old, and what is in it', async (t) => {
    const file = await fileOf(t, 'x: 1\n');
    const found = await lookAt(file, true);
    assert.ok('told' in found);
    assert.ok(found.told.startsWith(`${file}, SHA-256 ${sha256Of('x: 1\n')}, modified 20`), found.told);
  });

  it('shows no hash of a file that may be a password', async (t) => {
    const found = await lookAt(await fileOf(t, 'hunter2'), false);
    assert.ok('told' in found);
    assert.ok(!found.told.includes(sha256Of('hunter2').slice(0, 8)));
  });

  it('says where a link leads, as those of a mounted ConfigMap', async (t) => {
    const file = await fileOf(t, 'x: 1\n');
    await symlink(file, `${file}.link`);
    const found = await lookAt(`${file}.link`, true);
    assert.ok('told' in found && found.told.startsWith(`${file}.link, which is ${file}, `));
  });

  it('says why a file cannot be read', async () => {
    assert.deepEqual(await lookAt('/nonexistent/a', true), {
      problem: '/nonexistent/a: no such file; check the path, a relative one starts at the working folder',
    });
  });
});

describe('mountOf', () => {
  const mounts = [
    '22 27 0:21 / / rw,relatime - ext4 /dev/sda1 rw',
    '36 35 98:0 /volumes/tocsin-config /etc/tocsin ro,noatime master:1 - ext4 /dev/sdb1 rw',
    '37 35 0:24 / /mnt/with\\040blank rw - tmpfs tmpfs rw',
    '38 35 0:25 / /etc/tocsin-other rw - tmpfs tmpfs rw',
    '',
  ].join('\n');

  it('is the innermost mount that holds the path', () => {
    assert.deepEqual(mountOf(mounts, '/etc/tocsin/tocsin.yml'), [
      'mounted at /etc/tocsin from ext4 /dev/sdb1 /volumes/tocsin-config',
    ]);
    assert.deepEqual(mountOf(mounts, '/mnt/with blank/a'), ['mounted at /mnt/with blank from tmpfs tmpfs /']);
  });

  it('is left out for the root file system, and where it is unknown', () => {
    assert.deepEqual(mountOf(mounts, '/home/a'), []);
    assert.deepEqual(mountOf('', '/etc/tocsin/a'), []);
  });

  it('reads anything', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (text, path) => mountOf(text, path).length <= 1));
  });
});
