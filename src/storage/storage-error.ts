/** Something could not be written to the storage, or read from it. The message is for a client; it holds no path. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  /** The system's code, such as ENOSPC. */
  readonly code: string;

  constructor(what: string, cause: unknown) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    super(`${what}: ${reasons[code] ?? 'the storage failed'} (${code}); nothing has changed`, { cause });
    this.code = code;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left in the storage folder',
  EDQUOT: 'the quota of the storage folder is used up',
  EACCES: 'the storage folder may not be written to',
  EPERM: 'the storage folder may not be written to',
  EROFS: 'the storage folder is read-only',
  EEXIST: 'the path of the storage is not a folder',
  ENOTDIR: 'the path of the storage is not a folder',
  EMFILE: 'too many files are open',
};
