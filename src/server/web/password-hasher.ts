import type { Worker } from 'node:worker_threads';
import { workerFile } from '../../runtime/worker-file.ts';

/** Checks a password against a bcrypt hash. Rejects if that fails. */
export interface PasswordHasher {
  matches(password: string, hash: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface Task {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

export interface Answer {
  readonly id: number;
  readonly matches: boolean;
}

interface Waiter {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Hashes one password at a time in a separate thread: bcrypt takes a tenth of a second or more, and would hold the event loop for
 * as long. The first password starts the thread.
 */
export class PasswordThread implements PasswordHasher {
  #worker: Worker | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiter>();

  matches(password: string, hash: string): Promise<boolean> {
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
      worker.postMessage({ id, password, hash } satisfies Task);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const { Worker: Thread } = process.getBuiltinModule('node:worker_threads');
    const worker = new Thread(workerFile(import.meta.url, 'password-worker'), { name: 'tocsin-password-hasher' });
    worker.unref();
    worker.on('message', ({ id, matches }: Answer) => {
      this.#waiting.get(id)?.resolve(matches);
      this.#waiting.delete(id);
    });
    worker.on('error', (error) => this.#ended(worker, error));
    worker.on('exit', () => this.#ended(worker, new Error('the thread that hashes passwords has ended')));
    return worker;
  }

  /** The next password starts another worker. */
  #ended(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error instanceof Error ? error : new Error(String(error)));
    this.#waiting.clear();
  }
}
