import assert from 'node:assert/strict';
import { lstat, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { irregularFiles } from './irregular-files.fixture.ts';
import {
  checkRegularFile,
  createRegularFile,
  openRegularFile,
  readRegularFile,
  readRegularFileSync,
  writeRegularFile,
} from './regular-file.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const readers = {
  readRegularFile,
  readRegularFileSync: async (path: string, maxBytes: number) => readRegularFileSync(path, maxBytes),
  checkRegularFile,
};

describe('regular files', () => {
  for (const [what, make] of irregularFiles) {
    for (const [name, read] of Object.entries(readers))
      it(`${name} refuses ${what}, and waits for nothing`, async (t) => {
        const path = await freePath(t);
        await make(t, path);
        // A socket cannot even be opened.
        await assert.rejects(read(path, 1000), what === 'a socket' ? { code: 'ENXIO' } : new RegExp(`is ${what}`));
      });

    it(`openRegularFile refuses ${what}`, async (t) => {
      const path = await freePath(t);
      await make(t, path);
      await assert.rejects(openRegularFile(path));
    });
  }

  it('are read through a link, like those of a mounted Secret, up to the limit and not further', async (t) => {
    const path = await freePath(t);
    await writeFile(`${path}.data`, 'content');
    await symlink(`${path}.data`, path);
    for (const read of [readers.readRegularFile, readers.readRegularFileSync]) {
      assert.equal((await read(path, 7)).toString(), 'content');
      await assert.rejects(read(path, 6), /^FileRefusedError: has 7 bytes, allowed: 6 bytes$/);
    }
    await assert.rejects(readRegularFile(`${path}.none`, 9), { code: 'ENOENT' });
  });

  it('are read to their end, up to the limit, even if their size is given as 0', async () => {
    for (const read of [readers.readRegularFile, readers.readRegularFileSync]) {
      assert.match(
        (await read('/proc/self/status', 100_000)).toString(),
        /^Name:[^]*nonvoluntary_ctxt_switches:\t\d+\n$/,
      );
      await assert.rejects(read('/proc/self/status', 100), /has more than 100 bytes, allowed: 100 bytes/);
    }
  });

  it('are read whole, whatever their length', async (t) => {
    const path = await freePath(t);
    for (const length of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
      await writeFile(path, 'x'.repeat(length));
      assert.equal((await readRegularFile(path, 1e6)).length, length);
      assert.equal(readRegularFileSync(path, length).length, length);
    }
  });

  it('are written in place of a link or a pipe, never through it', async (t) => {
    const path = await freePath(t);
    await writeFile(`${path}.other`, 'of somebody else');
    await symlink(`${path}.other`, path);
    await assert.rejects(openRegularFile(path), { code: 'ELOOP' });
    await writeRegularFile(path, 'ours');
    assert.deepEqual(
      [await readFile(`${path}.other`, 'utf8'), await readFile(path, 'utf8')],
      ['of somebody else', 'ours'],
    );
    await rm(path);
    await irregularFiles[0]![1](t, path);
    await (await createRegularFile(path, 0o600)).close();
    assert.equal((await lstat(path)).isFile(), true);
  });
});

async function freePath(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t, 'regular-file');
  return join(folder, 'file');
}
