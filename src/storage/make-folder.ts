import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. Gives the uppermost one that it made, undefined if all were there.
 * `recursive` of node:fs would do the same, but where a folder that is there says ENOENT to what is to be made in it, as
 * those of /proc do, it tries for ever (seen with Node 24.21).
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return await makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    const uppermost = await makeFolder(parent);
    const made = await makeOne(path);
    return uppermost ?? made;
  }
}

/** Undefined if it is there already. */
async function makeOne(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const isThere = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (isThere) return undefined;
    throw error;
  }
}
