import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeFolder } from './make-folder.ts';

describe('makeFolder', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'tocsin-'));
  });
  after(() => rm(root, { recursive: true }));

  it('makes the missing folders, and returns the topmost of them', async () => {
    assert.equal(await makeFolder(join(root, 'a', 'b', 'c')), join(root, 'a'));
    assert.equal(await makeFolder(join(root, 'a', 'b', 'd')), join(root, 'a', 'b', 'd'));
    assert.equal(await makeFolder(join(root, 'a', 'b', 'd')), undefined);
    assert.equal(await makeFolder('.'), undefined);
    assert.ok(existsSync(join(root, 'a', 'b', 'c')));
  });

  it('makes one folder for two simultaneous calls', async () => {
    const path = join(root, 'e', 'f');
    await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(path, 'g'))]);
    assert.ok(existsSync(join(path, 'g')));
  });

  it('accepts a link to a folder', async () => {
    await symlink(root, join(root, 'link'));
    assert.equal(await makeFolder(join(root, 'link')), undefined);
  });

  it('rejects on a file, or a link that leads nowhere', async () => {
    await writeFile(join(root, 'file'), '');
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    await assert.rejects(makeFolder(join(root, 'file')), { code: 'EEXIST' });
    await assert.rejects(makeFolder(join(root, 'file', 'x')), { code: 'ENOTDIR' });
    await assert.rejects(makeFolder(join(root, 'dangling')), { code: 'EEXIST' });
  });

  it('rejects where a folder that is there takes nothing', { skip: !existsSync('/proc/self') }, async () => {
    await assert.rejects(makeFolder('/proc/tocsin/status'), { code: 'ENOENT' });
  });
});
