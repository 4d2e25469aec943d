import { lstat, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { showText } from '../config/settings/show-value.ts';
import { lockHolder } from '../storage/lock-holder.ts';
import { WriteProbe } from '../storage/write-probe.ts';
import { ok, problem, type Attempt, type Category, type Outcome } from './check.ts';

export interface StorageSource {
  /** `--storage.path`; undefined: none was given. */
  readonly folder: string | undefined;
}

/** The folder in which Tocsin keeps silences, statuses and its history. */
export function storage({ folder }: StorageSource): Category {
  return {
    name: 'storage',
    needs: [],
    whyNot: () => (folder === undefined ? 'no --storage.path is given' : undefined),
    checks: [
      {
        id: 'storage-writable',
        description: 'the storage folder can be written',
        run: (attempt) => writable(resolve(folder ?? ''), attempt),
      },
      {
        id: 'storage-locked',
        description: 'the storage folder can be locked',
        run: () => locked(resolve(folder ?? '')),
      },
    ],
  };
}

async function writable(path: string, { clock }: Attempt): Promise<Outcome> {
  const [there, error] = await firstThere(path);
  const shown = showText(there);
  if (error !== undefined) return problem(`${shown}: ${error}; correct --storage.path, or remove what is at its place`);
  const refused = await new WriteProbe(there, clock).error();
  if (refused === undefined)
    return ok(there === path ? path : `${path} does not exist yet, and can be made in ${there}`);
  return problem(
    `${shown}: a file cannot be written there (${refused}): let the user that runs Tocsin write it, ` +
      'make room on the disk, or choose another folder with --storage.path',
  );
}

/** The folder, or the nearest existing folder above it: Tocsin makes what is missing. */
async function firstThere(path: string): Promise<readonly [folder: string, error?: string]> {
  try {
    return (await stat(path)).isDirectory() ? [path] : [path, 'is not a folder'];
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || dirname(path) === path) return [path, code === 'ENOTDIR' ? 'is below a file' : code];
    return firstThere(dirname(path));
  }
}

/** Nobody else can be told from here than a process of this machine or container. */
async function locked(folder: string): Promise<Outcome> {
  const lock = join(folder, 'tocsin.lock');
  const found = await lstat(lock).catch(() => undefined);
  if (found?.isFile() === false)
    return problem(`${showText(lock)} is not a regular file, so no lock holds on it: remove it and start Tocsin again`);
  const holder = await lockHolder(folder);
  if (holder === undefined) return ok('no process on this machine holds its lock');
  return ok(`locked by process ${holder.pid}: ${showText(holder.command ?? 'unknown')}`);
}
