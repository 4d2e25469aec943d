import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../runtime/logger.ts';
import { openRegularFile } from '../runtime/regular-file.ts';
import { makeFolder } from './make-folder.ts';

/** SQLite's codes for a lock that another process holds, and for a file that is not a database. */
const busy = 5;
const notADatabase = 26;

/**
 * Prevents a second process from writing to the same storage. It is the operating system's lock on a file: taking it is atomic,
 * and the system frees it when its process ends in any way. Node has no call for that, but its SQLite does: the file is an empty
 * database with a transaction that never ends. The file remains when the lock is released: a process that is about to lock it has
 * it open, and would hold its lock beside that of a process that makes a new file.
 */
export class StorageLock {
  readonly #folder: string;
  readonly #logger: Logger;
  #database: DatabaseSync | undefined;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** Rejects if another process holds the lock. On a file system without locks, it goes on without one and says so. */
  async acquire(): Promise<void> {
    try {
      await makeFolder(this.#folder);
      const path = join(this.#folder, 'tocsin.lock');
      await refuseOthers(path);
      this.#database = await lockEvenDamaged(path);
    } catch (error) {
      if (codeOf(error) === busy) throw new StorageInUseError(this.#folder);
      this.#logger.warn('storage.not_locked', 'the storage could not be locked: see that no other process uses it', {
        folder: this.#folder,
        error,
      });
    }
  }

  async release(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
  }
}

/** Another process uses the storage. */
class StorageInUseError extends Error {
  constructor(folder: string) {
    super(`another Tocsin uses the storage folder ${folder}: end it, or choose another folder with --storage.path`);
    this.name = 'StorageInUseError';
  }
}

/** A link would lock, and create, a file elsewhere. */
async function refuseOthers(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() === false) throw new Error(`${path} is not a regular file: remove it`);
}

/**
 * The file has no content, so a damaged one is emptied. No lock is affected: a process that holds one has found the file empty.
 */
async function lockEvenDamaged(path: string): Promise<DatabaseSync> {
  try {
    return lock(path);
  } catch (error) {
    if (codeOf(error) !== notADatabase) throw error;
  }
  const file = await openRegularFile(path);
  await file.truncate().finally(() => file.close());
  return lock(path);
}

function lock(path: string): DatabaseSync {
  const database = new (sqlite().DatabaseSync)(path, { timeout: 0 });
  try {
    // Without the first pragma there would be a second file, an empty journal.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Node 22 warns on standard error that its SQLite is experimental. The person who starts Tocsin cannot do anything about that.
 */
function sqlite(): typeof import('node:sqlite') {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

function codeOf(error: unknown): number | undefined {
  return (error as { readonly errcode?: number }).errcode;
}
