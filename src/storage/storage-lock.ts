import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../runtime/logger.ts';
import { openRegularFile } from '../runtime/regular-file.ts';
import { makeFolder } from './make-folder.ts';

/** SQLite's codes for a lock that somebody else has, and for a file that is not a database. */
const busy = 5;
const notADatabase = 26;

/**
 * Keeps a second process from writing to the same storage. The lock is the system's own on a file: to take it is one step, and when
 * its process ends, however it does, the system frees it. Node has no call for that, but its SQLite has: the file is an empty
 * database in a transaction that never ends. The file stays when the lock is released: who is about to lock it has it open by then,
 * and would share the lock with whoever makes a new file.
 */
export class StorageLock {
  readonly #folder: string;
  readonly #logger: Logger;
  #database: DatabaseSync | undefined;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** Rejects if another process has it. Where the file system has no locks, it goes without, and says so. */
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

/** The file holds nothing, so a damaged one is emptied. That moves no lock: whoever has one had found the file empty. */
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
    // Without the first there would be a second file, a journal of nothing.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Node 22 warns on standard error that its SQLite is experimental. Nobody who starts Tocsin can do anything about that. */
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
