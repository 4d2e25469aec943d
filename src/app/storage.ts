import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { SilenceLog, type StoredSilences } from '../silence/silence-log.ts';
import { StorageLock } from '../storage/storage-lock.ts';

export interface StorageOptions {
  /** `--storage.path` */
  readonly storagePath: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The storage folder: locked while it is open. */
export class Storage {
  readonly silences: SilenceLog;
  readonly #lock: StorageLock;

  constructor({ storagePath: folder, clock, logger }: StorageOptions) {
    this.silences = new SilenceLog({ folder, clock, logger });
    this.#lock = new StorageLock(folder, logger);
  }

  /** Gives the silences. Rejects only if another process has the folder. */
  async open(): Promise<StoredSilences> {
    await this.#lock.acquire();
    return this.silences.open();
  }

  async close(): Promise<void> {
    await this.silences.close();
    await this.#lock.release();
  }
}
