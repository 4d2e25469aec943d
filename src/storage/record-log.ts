import { rm } from 'node:fs/promises';
import { readRegularFile } from '../runtime/regular-file.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { RecordFile, StorageError, readRecords } from './record-file.ts';

/** The file is rewritten when it has this many bytes more than twice the size of its content. */
const slackBytes = 1024 * 1024;

interface RecordLogOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly path: string;
  /** A larger file is not read, bytes. */
  readonly maxBytes: number;
  readonly lines: RecordLogLines;
  /** The beginning of the message of a {@link StorageError}. */
  readonly failed: string;
  /** True if a file that is missing is made for the first record only. Default: at the start, which shows that it can be made. */
  readonly isLazy?: boolean;
}

/** The events of the log, each with its message. */
export interface RecordLogLines {
  /** The last record was never written whole. */
  readonly cutOff: Line;
  /** The file cannot be written at the start. */
  readonly notWritable: Line;
  /** The file is damaged; what was readable is kept. */
  readonly damaged: Line;
  /** It is damaged, and could not be replaced. */
  readonly notReplaced: Line;
  /** It keeps growing, because there is no room for a second file. */
  readonly notCompacted: Line;
}

type Line = readonly [event: string, message: string];

/** What the records of a file mean to their reader. */
export interface ReadContent {
  /** Records that mean nothing. */
  readonly unreadable: number;
  /** The number of things that were understood, for the log. */
  readonly kept: number;
  /** The records that have the whole state. */
  readonly all: Iterable<unknown>;
}

/**
 * State on the disk: a log to which each change is appended, and which is rewritten once most of it is history. A damaged file does
 * not prevent a start: its readable part is kept, and the file itself under another name.
 */
export class RecordLog {
  readonly #options: RecordLogOptions;
  readonly #file: RecordFile;
  /** True while the file on the disk is damaged and has not been set aside. */
  #damaged = false;
  /** The file is rewritten when it is larger than this, bytes. */
  #compactAt = slackBytes;
  /** The last access to the file; there is only one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RecordLogOptions) {
    this.#options = options;
    this.#file = new RecordFile(options.path);
  }

  get path(): string {
    return this.#file.path;
  }

  /** Reads the file. Never rejects: it logs what is wrong. @param read is given every readable record, once and in order */
  async open(read: (records: readonly unknown[]) => ReadContent): Promise<void> {
    const bytes = await this.#read();
    if (bytes === undefined) return;
    const { values, goodBytes, damagedBytes, cutOffBytes } = readRecords(bytes);
    const { unreadable, kept, all } = read(values);
    if (damagedBytes + unreadable === 0) await this.#resume(all, goodBytes, cutOffBytes);
    else await this.#setAside({ damaged_bytes: damagedBytes, unreadable_records: unreadable, kept }, all);
  }

  /**
   * Resolves once the records are on the disk durably. Rejects with StorageError; then none of them is.
   * @param all the records that have the whole state, the appended changes included
   */
  append(records: readonly unknown[], all: () => Iterable<unknown>): Promise<void> {
    return this.#stored(() => this.#append(records, all));
  }

  /** Writes the whole state anew. Rejects as {@link append} does. */
  rewrite(all: () => Iterable<unknown>): Promise<void> {
    return this.#stored(async () => void (await this.#rewrite(all())));
  }

  /** Appends a record that the next change would write, too. Rejects if it cannot be written. */
  note(record: unknown): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#damaged && this.#file.isSound) await this.#file.append([record]);
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#file.close());
  }

  #stored(write: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await write();
      } catch (error) {
        throw new StorageError(this.#options.failed, error);
      }
    });
  }

  #inTurn(access: () => Promise<void>): Promise<void> {
    const result = this.#last.then(access);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #append(records: readonly unknown[], all: () => Iterable<unknown>): Promise<void> {
    if (this.#file.bytes > this.#compactAt && (await this.#compact(all))) return;
    if (!this.#damaged && this.#file.isSound && (await this.#file.isInPlace())) await this.#file.append(records);
    else await this.#rewrite(all());
  }

  /** Undefined if there is no readable file. */
  async #read(): Promise<Buffer | undefined> {
    await rm(`${this.#file.path}.new`, { force: true }).catch(() => undefined);
    try {
      return await readRegularFile(this.#file.path, this.#options.maxBytes);
    } catch (error) {
      // ENOTDIR: the path of the folder is not a folder.
      const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (!isMissing) await this.#setAside({ error, kept: 0 }, []);
      else if (this.#options.isLazy !== true) await this.#makeWritable(() => this.#rewrite([]));
      return undefined;
    }
  }

  /** Continues a file that is as we left it, or whose last record was being written when the process was killed. */
  async #resume(all: Iterable<unknown>, goodBytes: number | undefined, cutOffBytes: number): Promise<void> {
    const { logger, lines } = this.#options;
    if (cutOffBytes > 0) logger.warn(...lines.cutOff, { file: this.#file.path, dropped_bytes: cutOffBytes });
    // A file without the end of its last line cannot be appended to.
    await this.#makeWritable(() => (goodBytes === undefined ? this.#rewrite(all) : this.#open(goodBytes, all)));
  }

  /** A link is read but never written through: our own file replaces it. */
  async #open(goodBytes: number, all: Iterable<unknown>): Promise<void> {
    try {
      await this.#file.open(goodBytes);
      this.#compactAt = goodBytes + slackBytes;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
      await this.#rewrite(all);
    }
  }

  /** The log reports at the start, not at the first change, that nothing can be stored. */
  async #makeWritable(make: () => Promise<unknown>): Promise<void> {
    try {
      await make();
    } catch (error) {
      const { logger, lines } = this.#options;
      logger.error(...lines.notWritable, { file: this.#file.path, error });
    }
  }

  async #setAside(found: Readonly<Record<string, unknown>>, all: Iterable<unknown>): Promise<void> {
    this.#damaged = true;
    const { logger, lines } = this.#options;
    const fields = { file: this.#file.path, ...found };
    try {
      const name = await this.#rewrite(all);
      logger.error(...lines.damaged, { ...fields, set_aside_as: name });
    } catch (error) {
      logger.error(...lines.notReplaced, { ...fields, rewrite_error: error });
    }
  }

  /** Returns the name under which a damaged file is kept. */
  async #rewrite(all: Iterable<unknown>): Promise<string | undefined> {
    const time = new Date(this.#options.clock.now()).toISOString().replaceAll(':', '-');
    const keepAs = this.#damaged ? `${this.#file.path}.damaged-${time}` : undefined;
    await this.#file.replace(all, keepAs);
    this.#damaged = false;
    this.#compactAt = 2 * this.#file.bytes + slackBytes;
    return keepAs;
  }

  /** Returns false on failure: if the disk has no room for a second file, the first one keeps growing. */
  async #compact(all: () => Iterable<unknown>): Promise<boolean> {
    const bytes = this.#file.bytes;
    try {
      await this.#rewrite(all());
      return true;
    } catch (error) {
      const { logger, lines } = this.#options;
      logger.warn(...lines.notCompacted, { file: this.#file.path, file_bytes: bytes, error });
      this.#compactAt = bytes + slackBytes;
      return false;
    }
  }
}
