import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/**
 * An empty folder that is removed after everything else of the test has ended. Node runs what `t.after` was given in the order of
 * the calls, so a folder that is made first would be removed first, under the hands of what was started in it and still writes. What
 * such a hook itself gives to `t.after` comes after all the others.
 */
export async function temporaryFolder(t: TestContext, name = 'tocsin'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  t.after(() => t.after(() => rm(folder, { recursive: true, force: true })));
  return folder;
}
