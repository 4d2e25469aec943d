import { stat, watch } from 'node:fs/promises';
import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface FolderWatchOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly folder: string;
  /** Looks at the folder. It is never called again before the previous call has settled. */
  readonly scan: () => Promise<void>;
}

/** How long a folder must be quiet after a hint, so that copying many files counts as one change. */
const settleMs = 100;

/** The system gives no hint for network file systems or a mounted ConfigMap (a swapped link); a periodic scan misses nothing. */
const rescanMs = 5_000;

/** Calls `scan` when a folder changes: soon after a hint from the system, and every five seconds in any case. Scans never overlap. */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #cancelRescan: CancelTimer | undefined;
  #cancelSettle: CancelTimer | undefined;
  #hints: { readonly folderId: string; readonly abort: AbortController; readonly ended: Promise<void> } | undefined;
  #state: 'new' | 'watching' | 'closed' = 'new';

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** Begins to watch. The first rescan, at the latest, finds what changed before. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    this.#state = 'watching';
    await this.#renewHints();
    this.#armRescan();
  }

  /** Scans now. Settles when everything that was in the folder at the time of the call has been seen. Never rejects. */
  rescan(): Promise<void> {
    if (this.#state !== 'watching') return this.#running ?? Promise.resolve();
    if (this.#running === undefined) return this.#run();
    // The running scan may already be past a file that has just changed.
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      return this.rescan();
    });
    return this.#queued;
  }

  /** Stops watching, and waits for the running scan. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#cancelTimers();
    await this.#running;
    await this.#endHints();
  }

  #run(): Promise<void> {
    this.#cancelTimers();
    this.#running = this.#scanOnce().finally(() => {
      this.#running = undefined;
      this.#armRescan();
    });
    return this.#running;
  }

  async #scanOnce(): Promise<void> {
    const { folder, logger, scan } = this.#options;
    try {
      await this.#renewHints();
      await scan();
    } catch (error) {
      logger.error('pipelines.rescan_failed', 'the pipelines folder was not read to the end; it will be tried again', {
        folder,
        error,
      });
    }
  }

  #armRescan(): void {
    if (this.#state !== 'watching') return;
    this.#cancelRescan = this.#options.clock.setTimeout(() => void this.rescan(), rescanMs);
  }

  #settle(): void {
    if (this.#state !== 'watching') return;
    this.#cancelSettle?.();
    this.#cancelSettle = this.#options.clock.setTimeout(() => void this.rescan(), settleMs);
  }

  /** A scan makes every timer that was set before it needless. */
  #cancelTimers(): void {
    this.#cancelRescan?.();
    this.#cancelSettle?.();
  }

  /** The system watches the folder itself and not its path, so a folder that was replaced needs a new watch. */
  async #renewHints(): Promise<void> {
    const { folder } = this.#options;
    const folderId = await stat(folder, { bigint: true }).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    );
    if (this.#hints?.folderId === folderId) return;
    await this.#endHints();
    // This check comes last: the folder may have been closed during any of these waits.
    if (folderId === undefined || this.#state !== 'watching') return;
    const abort = new AbortController();
    this.#hints = { folderId, abort, ended: this.#listen(abort.signal) };
  }

  async #endHints(): Promise<void> {
    const hints = this.#hints;
    this.#hints = undefined;
    hints?.abort.abort();
    await hints?.ended;
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { folder, logger } = this.#options;
    try {
      for await (const _ of watch(folder, { persistent: false, signal })) this.#settle();
    } catch (error) {
      if (signal.aborted) return;
      logger.info('pipelines.watch_failed', 'changes of the pipelines folder are seen up to 5 s later', {
        folder,
        error,
      });
    }
  }
}
