import { stat, watch } from 'node:fs/promises';
import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface FolderWatchOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly folder: string;
  /** Looks at the folder; never called again before it has settled. */
  readonly scan: () => Promise<void>;
}

/** How long a folder must be quiet after a hint: a copy of many files is one change. */
const settleMs = 100;

/** The system's hints miss a mounted ConfigMap, which is swapped by a link, and network file systems: a look every so often misses nothing. */
const rescanMs = 5_000;

/** Calls `scan` when a folder changes: soon when the system gives a hint, and every five seconds in any case. Scans never overlap. */
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

  /** Begins to watch. What changed before is found by the first rescan at the latest. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    this.#state = 'watching';
    await this.#renewHints();
    this.#armRescan();
  }

  /** Scans now; settles when everything that was in the folder at the time of the call has been seen. Never rejects. */
  rescan(): Promise<void> {
    if (this.#state !== 'watching') return this.#running ?? Promise.resolve();
    if (this.#running === undefined) return this.#run();
    // The scan that runs may already be past a file that changed just now.
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      return this.rescan();
    });
    return this.#queued;
  }

  /** Stops watching, and waits for the scan that runs. */
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

  /** A scan makes all timers needless that were set before it began. */
  #cancelTimers(): void {
    this.#cancelRescan?.();
    this.#cancelSettle?.();
  }

  /** The system watches the folder itself, not its path: a folder that was replaced needs a new watch. */
  async #renewHints(): Promise<void> {
    const { folder } = this.#options;
    const folderId = await stat(folder, { bigint: true }).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    );
    if (this.#hints?.folderId === folderId) return;
    await this.#endHints();
    // Checked last: the folder may have been closed during any of these waits.
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
