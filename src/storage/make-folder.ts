import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and its missing parents. Returns the topmost folder that it made, or undefined if all existed. `recursive` of
 * node:fs would do the same, except that it tries forever if an existing folder answers ENOENT to making something in it, as
 * those of /proc do (seen with Node 24.21).
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

/** Undefined if the folder exists already. */
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
