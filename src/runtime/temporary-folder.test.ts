import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryFolder } from './temporary-folder.fixture.ts';

it('a temporary folder is there until what was started later in it has ended, and then it is gone', async (t) => {
  let folder = '';
  await t.test('which writes up to its end', async (inner) => {
    folder = await temporaryFolder(inner);
    inner.after(() => writeFile(join(folder, 'last'), ''));
  });
  assert.notEqual(folder, '');
  assert.equal(existsSync(folder), false);
});
