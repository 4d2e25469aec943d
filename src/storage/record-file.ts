import { copyFile, link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { makeFolder } from './make-folder.ts';
import { createRegularFile, openRegularFile } from '../runtime/regular-file.ts';

/**
 * A record is one line: the CRC-32 of its JSON in eight hexadecimal digits, the length of its JSON in bytes, its JSON. The length
 * leads to the next record if the line end is damaged; the line end does so if the length is damaged.
 */
function encodeRecord(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${checksum(json)} ${json.length} `), json, Buffer.from('\n')]);
}

/** The content of a file of records. */
interface FoundRecords {
  /** The readable values, in order. */
  readonly values: readonly unknown[];
  /** The end of the last readable record, line end included; undefined if its line end is missing. */
  readonly goodBytes: number | undefined;
  /** The number of bytes that belong to no readable record, without the cut-off tail. */
  readonly damagedBytes: number;
  /**
   * The number of bytes after the last line end: a record that was not written completely, for example because the process was
   * killed.
   */
  readonly cutOffBytes: number;
}

const newline = 0x0a;
const header = /^([0-9a-f]{8}) (\d{1,9}) /;
const longestHeader = 19;

/** Reads all readable records of a file, whatever happened to it: a damaged byte costs only the record that contains it. */
export function readRecords(bytes: Buffer): FoundRecords {
  const values: unknown[] = [];
  let damagedBytes = 0;
  let goodBytes: number | undefined = 0;
  let at = 0;
  while (at < bytes.length) {
    const record = readRecord(bytes, at);
    const lineEnd = bytes.indexOf(newline, at);
    if (record === undefined && lineEnd < 0) break;
    if (record === undefined) {
      damagedBytes += lineEnd + 1 - at;
      at = lineEnd + 1;
      continue;
    }
    values.push(record.value);
    if (bytes[record.end] !== newline && record.end < bytes.length) damagedBytes++;
    at = record.end + 1;
    goodBytes = at > bytes.length ? undefined : at;
  }
  return { values, goodBytes, damagedBytes, cutOffBytes: Math.max(0, bytes.length - at) };
}

interface Found {
  readonly value: unknown;
  /** The expected place of its line end. */
  readonly end: number;
}

function readRecord(bytes: Buffer, at: number): Found | undefined {
  const match = header.exec(bytes.toString('latin1', at, at + longestHeader));
  if (match === null) return undefined;
  const start = at + match[0].length;
  const end = start + Number(match[2]);
  const json = bytes.subarray(start, end);
  if (end > bytes.length || checksum(json) !== match[1]) return undefined;
  return { value: JSON.parse(json.toString()) as unknown, end };
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** The storage could not be written or read. The message is for a client; it contains no path. */
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

/** The number of bytes written in one go; other work may run in between. */
const pieceBytes = 256 * 1024;

/**
 * A file of records on the disk. When the promise of a write resolves, the data is on the disk durably. If it rejects, the file
 * has its previous content, or {@link isSound} is false and {@link replace} has to be called.
 */
export class RecordFile {
  readonly path: string;
  #file: FileHandle | undefined;
  #inode = 0;
  #bytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True if there is a file to which records may be appended. */
  get isSound(): boolean {
    return this.#file !== undefined;
  }

  /** Opens an existing file, cut to its first `bytes` bytes. */
  async open(bytes: number): Promise<void> {
    const file = await openRegularFile(this.path);
    try {
      await file.truncate(bytes);
      await file.datasync();
      await this.#use(file, bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** False if another program has removed or replaced the file: appended records would be lost. */
  async isInPlace(): Promise<boolean> {
    const found = await lstat(this.path).catch(() => undefined);
    return found?.ino === this.#inode;
  }

  async append(values: readonly unknown[]): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw new Error('append() to a file that is not sound');
    const bytes = Buffer.concat(values.map(encodeRecord));
    try {
      await writeAt(file, bytes, this.#bytes);
      await file.datasync();
      this.#bytes += bytes.length;
    } catch (error) {
      await this.#undo(file);
      throw error;
    }
  }

  /**
   * Replaces the old file by a new file with these values; at any moment, one of them is in place.
   * @param keepAs another name for the old file, if it must not be lost
   */
  async replace(values: Iterable<unknown>, keepAs?: string): Promise<void> {
    const newPath = `${this.path}.new`;
    await makeLastingFolder(dirname(this.path));
    const file = await createRegularFile(newPath, 0o600);
    try {
      const bytes = await writeAll(file, values);
      await file.sync();
      if (keepAs !== undefined) await keep(this.path, keepAs);
      await rename(newPath, this.path);
      await syncFolder(dirname(this.path));
      await this.close();
      await this.#use(file, bytes);
    } catch (error) {
      await file.close();
      await rm(newPath, { force: true }).catch(() => undefined);
      // The old file may have been replaced by then.
      if (!(await this.isInPlace())) await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #use(file: FileHandle, bytes: number): Promise<void> {
    this.#inode = (await file.stat()).ino;
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Removes what was written partly, or may not be on the disk, so that it is not read later. */
  async #undo(file: FileHandle): Promise<void> {
    try {
      await file.truncate(this.#bytes);
      await file.datasync();
    } catch {
      await this.close();
    }
  }
}

async function writeAll(file: FileHandle, values: Iterable<unknown>): Promise<number> {
  let at = 0;
  let piece: Buffer[] = [];
  let size = 0;
  for (const value of values) {
    const record = encodeRecord(value);
    piece.push(record);
    size += record.length;
    if (size < pieceBytes) continue;
    at = await writeAt(file, Buffer.concat(piece), at);
    piece = [];
    size = 0;
  }
  return writeAt(file, Buffer.concat(piece), at);
}

/** Returns the end of the written bytes. A full disk may accept only a part at first. */
async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let written = 0;
  while (written < bytes.length)
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  return position + written;
}

async function makeLastingFolder(path: string): Promise<void> {
  const first = await makeFolder(path);
  if (first !== undefined) await syncFolder(dirname(first));
}

/** Some file systems have no second names. A special file cannot be copied, only moved. */
async function keep(path: string, newPath: string): Promise<void> {
  try {
    if (!(await lstat(path)).isFile()) await rename(path, newPath);
    else await link(path, newPath).catch(() => copyFile(path, newPath));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Without it, the new name may be lost in a power failure. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
