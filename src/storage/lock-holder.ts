import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A process that holds the lock of a storage folder. */
export interface LockHolder {
  readonly pid: number;
  /** Its command line; undefined if the system does not tell it. */
  readonly command?: string;
}

/** The first byte of a lock of SQLite, which is the lock of the folder. */
const sqliteLockBegin = '1073741824';

/**
 * The process that holds the lock of a storage folder; undefined if none does, or if it is not visible from here. Nothing is opened:
 * a process that closes a file loses all its locks on it. Undefined, too, on systems other than Linux.
 */
export async function lockHolder(folder: string): Promise<LockHolder | undefined> {
  try {
    const { ino } = await stat(join(folder, 'tocsin.lock'), { bigint: true });
    const pid = holderIn(await readFile('/proc/locks', 'utf8'), ino);
    return pid === undefined ? undefined : { pid, ...(await commandOf(pid)) };
  } catch {
    return undefined;
  }
}

/** `1: POSIX  ADVISORY  WRITE 9783 fe:00:10242403 1073741824 1073742335`; a process that waits has an arrow behind the number. */
export function holderIn(locks: string, inode: bigint): number | undefined {
  for (const line of locks.split('\n')) {
    const [, pid, found, begin] = /^\d+: POSIX +\w+ +WRITE +(\d+) +[\da-f]+:[\da-f]+:(\d+) +(\d+) /.exec(line) ?? [];
    // Process 0 is one that is not visible from this container.
    if (found === String(inode) && begin === sqliteLockBegin && pid !== '0') return Number(pid);
  }
  return undefined;
}

async function commandOf(pid: number): Promise<Pick<LockHolder, 'command'>> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return { command: text.split('\0').filter(Boolean).join(' ').slice(0, 200) };
  } catch {
    return {};
  }
}
