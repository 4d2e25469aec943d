import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import { makeFolder } from '../make-folder.ts';

/** Longer paths are no address of a socket. */
const longestPathBytes = 100;

/**
 * Keeps a second process from writing to the same storage. The lock is a socket that somebody listens at: when its process
 * ends, however it does, nobody listens any more and the next one takes over.
 */
export class StorageLock {
  readonly #folder: string;
  readonly #logger: Logger;
  #server: Server | undefined;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** Rejects if another process has it. Where there can be no such socket, it goes without, and says so. */
  async acquire(): Promise<void> {
    const path = join(this.#folder, 'lock');
    try {
      if (Buffer.byteLength(path) > longestPathBytes) throw new Error('its path is too long for a socket');
      await makeFolder(this.#folder);
      this.#server = (await listen(path)) ?? (await this.#takeOver(path));
    } catch (error) {
      if (error instanceof StorageInUseError) throw error;
      this.#logger.warn('storage.not_locked', 'the storage could not be locked: see that no other process uses it', {
        folder: this.#folder,
        error,
      });
    }
  }

  /** Removes the socket, too. */
  async release(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async #takeOver(path: string): Promise<Server | undefined> {
    if (await isAlive(path)) throw new StorageInUseError(this.#folder);
    await rm(path, { force: true });
    const server = await listen(path);
    if (server === undefined) throw new StorageInUseError(this.#folder);
    return server;
  }
}

/** Another process uses the storage. */
class StorageInUseError extends Error {
  constructor(folder: string) {
    super(`another Tocsin uses the storage folder ${folder}: end it, or choose another folder with --storage.path`);
    this.name = 'StorageInUseError';
  }
}

/** Undefined if the address is taken, maybe by a process that has ended. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server.unref()));
  });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
