import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';

/** A larger file of configuration or credentials is not read, bytes: it must be the wrong file. */
export const configurationFileBytes = 1024 * 1024;

const { O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Without O_NONBLOCK, opening a named pipe waits for a writer, usually forever. */
const reading = O_RDONLY | O_NONBLOCK | O_NOCTTY;

/** The size of one read from a file without a size, such as those in /proc, bytes. */
const pieceBytes = 64 * 1024;

/** A file is refused: the message says what it is, or how large it is, and what is allowed. */
export class FileRefusedError extends Error {
  override readonly name = 'FileRefusedError';
}

/**
 * Reads a regular file. It follows links, because the files of a mounted Secret are links. It refuses anything else, because
 * reading a named pipe or a device would never end. Rejects with FileRefusedError, or as `node:fs` does.
 * @param maxBytes a larger file is refused, and never read
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, reading);
  try {
    const { size } = checked(await file.stat(), maxBytes);
    const content = new Content(size, maxBytes);
    while (content.accept((await file.read(content.room, 0, content.room.length, null)).bytesRead));
    return content.bytes;
  } finally {
    await file.close();
  }
}

/** Like {@link readRegularFile}, for the few files that are read before there is other work. */
export function readRegularFileSync(path: string, maxBytes: number): Buffer {
  const file = openSync(path, reading);
  try {
    const { size } = checked(fstatSync(file), maxBytes);
    const content = new Content(size, maxBytes);
    while (content.accept(readSync(file, content.room)));
    return content.bytes;
  } finally {
    closeSync(file);
  }
}

/** Rejects as {@link readRegularFile} does, for a file that a library is about to read. */
export async function checkRegularFile(path: string, maxBytes: number): Promise<void> {
  const file = await open(path, reading);
  try {
    checked(await file.stat(), maxBytes);
  } finally {
    await file.close();
  }
}

/** Opens a regular file to change it. It refuses a link (ELOOP), because its target may belong to somebody else. */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  try {
    checked(await file.stat(), Number.POSITIVE_INFINITY);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Creates a file. Whatever stands in its place, a link or a remnant of a killed process, is removed and never written to. */
export async function createRegularFile(path: string, mode = 0o666): Promise<FileHandle> {
  const create = (): Promise<FileHandle> => open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, mode);
  try {
    return await create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await rm(path);
    return create();
  }
}

export async function writeRegularFile(path: string, text: string): Promise<void> {
  const file = await createRegularFile(path);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

function checked(stats: Stats, maxBytes: number): Stats {
  if (stats.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
  if (!stats.isFile()) throw new FileRefusedError(`is ${kindOf(stats)}, allowed: a regular file, or a link to one`);
  if (stats.size > maxBytes) throw tooLarge(`${stats.size} bytes`, maxBytes);
  return stats;
}

function tooLarge(found: string, maxBytes: number): FileRefusedError {
  return new FileRefusedError(`has ${found}, allowed: ${maxBytes} bytes`);
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

/** The part that has been read so far. A file may grow meanwhile, and the size of a file in /proc is 0. */
class Content {
  readonly #maxBytes: number;
  readonly #pieces: Buffer[] = [];
  #size = 0;
  /** The buffer for the next read. */
  room: Buffer;

  constructor(expectedBytes: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    // One byte more, so that the end of a file is found at once if its size is right.
    this.room = Buffer.allocUnsafe(Math.max(expectedBytes + 1, Math.min(pieceBytes, maxBytes + 1)));
  }

  get bytes(): Buffer {
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
  }

  /** False at the end of the file. */
  accept(bytesRead: number): boolean {
    if (bytesRead === 0) return false;
    this.#size += bytesRead;
    if (this.#size > this.#maxBytes) throw tooLarge(`more than ${this.#maxBytes} bytes`, this.#maxBytes);
    this.#pieces.push(this.room.subarray(0, bytesRead));
    this.room = this.room.length > bytesRead ? this.room.subarray(bytesRead) : Buffer.allocUnsafe(pieceBytes);
    return true;
  }
}
