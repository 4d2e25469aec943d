import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../runtime/deadline.ts';
import type { Clock } from '../runtime/clock.ts';

/** As much as a full file system or a quota refuses, bytes. */
const probeBytes = 4096;
/** How long a write may take, milliseconds. A network file system may hang for ever. */
const probeTimeoutMs = 2000;

/** How long a result is used again, milliseconds: however many ask, the disk is not worn. */
const reuseMs = 1000;

/** Finds out whether a folder can be written, by writing. Nothing else notices a full disk and a quota. */
export class WriteProbe {
  readonly #path: string;
  readonly #clock: Clock;
  #probe: Promise<string | undefined> | undefined;
  #last: { readonly at: number; readonly error: string | undefined } | undefined;

  constructor(folder: string, clock: Clock) {
    this.#path = join(folder, 'tocsin.probe');
    this.#clock = clock;
  }

  /** Why nothing can be written there; undefined if it can. Calls within a second share one write. Never rejects. */
  async error(): Promise<string | undefined> {
    if (this.#last !== undefined && this.#clock.monotonic() - this.#last.at < reuseMs) return this.#last.error;
    this.#probe ??= this.#write().then((error) => this.#ended(error));
    const over = new AbortController();
    const late = sleep(this.#clock, probeTimeoutMs, over.signal).then(
      () => `a write takes longer than ${probeTimeoutMs / 1000} s`,
      () => undefined,
    );
    try {
      return await Promise.race([this.#probe, late]);
    } finally {
      over.abort();
    }
  }

  #ended(error: string | undefined): string | undefined {
    this.#probe = undefined;
    this.#last = { at: this.#clock.monotonic(), error };
    return error;
  }

  async #write(): Promise<string | undefined> {
    try {
      // A link would be followed to a file elsewhere.
      await rm(this.#path, { force: true });
      const file = await open(this.#path, 'wx', 0o600);
      try {
        await file.write(Buffer.alloc(probeBytes, 0x20));
        await file.datasync();
      } finally {
        await file.close();
        await rm(this.#path, { force: true });
      }
      return undefined;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code ?? message;
    }
  }
}
