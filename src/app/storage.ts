import { SilenceLog, type StoredSilences } from '../silence/silence-log.ts';
import { StorageLock } from '../storage/storage-lock.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface StorageOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `--storage.path` */
  readonly storagePath: string;
}

/** The storage folder; it is locked while it is open. */
export class Storage {
  readonly silences: SilenceLog;
  readonly #lock: StorageLock;

  constructor({ storagePath: folder, clock, logger }: StorageOptions) {
    this.silences = new SilenceLog({ folder, clock, logger });
    this.#lock = new StorageLock(folder, logger);
  }

  /** Returns the stored silences. Rejects only if another process holds the folder. */
  async open(): Promise<StoredSilences> {
    await this.#lock.acquire();
    return this.silences.open();
  }

  async close(): Promise<void> {
    await this.silences.close();
    await this.#lock.release();
  }
}
