import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import bcrypt from 'bcryptjs';

/** Checks a password against a bcrypt hash. Rejects if that fails. */
export interface PasswordHasher {
  matches(password: string, hash: string): Promise<boolean>;
  close(): Promise<void>;
}

interface Task {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

interface Answer {
  readonly id: number;
  readonly matches: boolean;
}

interface Waiter {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

const role = 'tocsin-password-hasher';

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
    // This file; in a bundle, the whole program except main.ts, in which only the end of this file has an effect.
    const worker = new Worker(new URL(import.meta.url), { workerData: role, name: role });
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

if (!isMainThread && workerData === role) {
  parentPort?.on('message', ({ id, password, hash }: Task) => {
    const answer: Answer = { id, matches: bcrypt.compareSync(password, hash) };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
    parentPort?.postMessage(answer);
  });
}
