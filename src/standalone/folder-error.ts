/** The flag that names the folder an error is about. */
export type FolderFlag = '--pipelines.folder' | '--storage.path';

/** A folder, or a file in it, that cannot be used. The message is one line: what was tried, where, why it failed, what to do. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  readonly path: string;
  /** The system's code, such as ENOSPC. */
  readonly code: string | undefined;

  constructor(action: string, path: string, cause: unknown, flag: FolderFlag) {
    const code = errorCode(cause);
    const { reason, remedy } = explanations[code ?? ''] ?? { reason: describe(cause), remedy: 'look at the path' };
    const label = code === undefined ? reason : `${reason} (${code})`;
    super(`cannot ${action} ${path}: ${label}; ${remedy}, or name another folder with ${flag}`, { cause });
    this.path = path;
    this.code = code;
  }
}

interface Explanation {
  readonly reason: string;
  readonly remedy: string;
}

const permission = {
  reason: 'permission denied',
  remedy: 'give the user that Tocsin runs as the right to it',
} as const;
const tooManyFiles = { reason: 'too many open files', remedy: 'raise the limit of open files (ulimit -n)' } as const;

const explanations: Readonly<Record<string, Explanation>> = {
  ENOENT: { reason: 'it does not exist', remedy: 'create it' },
  ENOTDIR: { reason: 'a part of the path is a file, not a folder', remedy: 'correct the path' },
  EEXIST: { reason: 'a file stands where a folder is needed', remedy: 'move the file away' },
  EISDIR: { reason: 'a folder stands where a file is needed', remedy: 'move the folder away' },
  EACCES: permission,
  EPERM: permission,
  EROFS: { reason: 'the file system is read-only', remedy: 'mount it writable' },
  ENOSPC: { reason: 'no space is left on the device', remedy: 'free some space' },
  EDQUOT: { reason: 'the disk quota is used up', remedy: 'free some space' },
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
  EIO: { reason: 'the device reports an input/output error', remedy: 'check the disk' },
  ELOOP: { reason: 'its symbolic links lead in a circle', remedy: 'correct the links' },
  ENAMETOOLONG: { reason: 'the path is too long', remedy: 'use a shorter path' },
};

/** The system's code of a failed call, such as `ENOENT`; undefined if the error is of another kind. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
