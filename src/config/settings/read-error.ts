import { FileRefusedError } from '../../runtime/regular-file.ts';
import { showText } from './show-value.ts';

/** The text of a file; throws as `node:fs` does. */
export type ReadFile = (path: string) => string;

/**
 * Why a file that a user named cannot be read, and the remedy. Without its path, which is also in the system's own message:
 * a key or a token may stand in its place by mistake.
 * @param base where a relative path starts
 */
export function describeReadError(error: unknown, base = 'the working folder'): string {
  if (error instanceof FileRefusedError) return `${error.message}; check the path`;
  const { code, message }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `no such file; check the path, a relative one starts at ${base}`;
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; let the user that runs Tocsin read the file and enter its folders';
    case 'EISDIR':
      return 'is a directory; name the file in it';
    default:
      return `cannot be read: ${showText(code ?? message)}; check the path and the disk`;
  }
}
