import { join } from 'node:path';
import type { CancelTimer } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/deadline.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { closedRecord, numbered } from './guard-records.ts';
import { RecordLog, type ReadContent, type RecordLogLines } from '../../storage/record-log.ts';

/** A larger file is not read, bytes. */
const guardLogBytes = 256 * 1024 * 1024;

/** A run waits for the disk no longer than this, milliseconds: a network file system may hang for ever. */
const longestWaitMs = 2000;

/** After a failure, the disk is tried again after this time, milliseconds. */
const retryMs = 10_000;

const damagedFile = 'the file of the budgets of triggers is damaged';

const lines: RecordLogLines = {
  cutOff: ['triggers.cut_off', 'the last change of the budgets of triggers was never written whole: it is dropped'],
  notWritable: ['triggers.not_stored', 'the budgets of triggers cannot be stored'],
  damaged: ['triggers.damaged', `${damagedFile}: what was readable is kept`],
  notReplaced: ['triggers.damaged', `${damagedFile}, and could not be replaced yet`],
  notCompacted: ['triggers.not_compacted', 'the file of the budgets of triggers could not be written anew'],
};

interface GuardLogOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `--storage.path` */
  readonly folder: string;
  /** The records that have the whole state, and all changes up to this number. It has to take the state at once. */
  readonly snapshot: (number: number) => Iterable<unknown>;
  /** How far the clock is ahead of the guard's time, milliseconds. After the clock was set, the file is written anew with the new times. */
  readonly clockOffset: () => number;
}

/** A clock that was set by less than this is slewed by itself, milliseconds. */
export const clockStepMs = 1000;

/** A clock that was set is noticed within this time, milliseconds. */
const clockLookMs = 10_000;

/**
 * What triggers did, on the disk. Records that are written in the same turn share one write. If the disk fails, the process goes on
 * in memory, says so, and tries again until it has written everything.
 */
export class GuardLog {
  readonly #options: GuardLogOptions;
  readonly #log: RecordLog;
  #waiting: unknown[] = [];
  /** The number of the last change. */
  #number = 0;
  /** The write that will take what waits. */
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #writtenOffset = 0;
  #hasFailed = false;
  #cancelRetry: CancelTimer | undefined;
  #cancelLook: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: GuardLogOptions) {
    const path = join(options.folder, 'triggers.log');
    this.#options = options;
    const failed = 'the budgets of triggers could not be stored';
    this.#log = new RecordLog({ ...options, path, maxBytes: guardLogBytes, lines, failed, isLazy: true });
  }

  /** True while the disk does not have what the memory has. */
  get isUnsaved(): boolean {
    return this.#hasFailed;
  }

  async open(
    read: (records: readonly unknown[]) => Omit<ReadContent, 'all'> & { readonly number: number },
  ): Promise<void> {
    this.#writtenOffset = this.#options.clockOffset();
    await this.#log.open((records) => {
      const { number, ...content } = read(records);
      this.#number = number;
      return { ...content, all: this.#options.snapshot(number) };
    });
    if (this.#number > 0) this.#watchClock();
  }

  /** Resolves once the record is on the disk, or when it is clear that it will not be soon. Never rejects. */
  async write(record: unknown): Promise<void> {
    this.#waiting.push(numbered(++this.#number, record));
    this.#next ??= this.#write();
    this.#watchClock();
    const over = new AbortController();
    const late = sleep(this.#options.clock, longestWaitMs, over.signal).catch(() => undefined);
    await Promise.race([this.#next, late]);
    over.abort();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#cancelLook?.();
    await this.#next;
    await this.#writing;
    if (this.#hasFailed || (this.#number > 0 && this.#wasClockSet())) await this.#save();
    // Without it, the next process only counts the last runs as later than they were.
    await this.#log.note(numbered(++this.#number, closedRecord())).catch(() => undefined);
    await this.#log.close();
  }

  /** The file has times of the clock: one that was set must not be the only one that the next process knows. */
  #watchClock(): void {
    if (this.#isClosed) return;
    this.#cancelLook ??= this.#options.clock.setTimeout(() => {
      this.#cancelLook = undefined;
      if (!this.#hasFailed && this.#wasClockSet()) void this.#retry();
      this.#watchClock();
    }, clockLookMs);
  }

  #wasClockSet(): boolean {
    return Math.abs(this.#options.clockOffset() - this.#writtenOffset) >= clockStepMs;
  }

  /** Waits for the write before it, and then writes everything that has come meanwhile. */
  async #write(): Promise<void> {
    await this.#writing;
    const records = this.#waiting;
    this.#waiting = [];
    this.#next = undefined;
    // Until the next try, the memory has it all.
    if (!this.#hasFailed) await (this.#writing = this.#save(records));
  }

  /** @param records what is new; without it, everything is written */
  async #save(records?: readonly unknown[]): Promise<void> {
    const { snapshot, clockOffset, logger } = this.#options;
    const all = (): Iterable<unknown> => snapshot(this.#number);
    const offset = clockOffset();
    const isAppended = records !== undefined && !this.#wasClockSet();
    try {
      await (isAppended ? this.#log.append(records, all) : this.#log.rewrite(all));
      if (!isAppended) this.#writtenOffset = offset;
      if (this.#hasFailed) logger.info('triggers.stored_again', 'the budgets of triggers are stored again');
      this.#hasFailed = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const message = `${lines.notWritable[1]}: a restart would refill them and lose the runs that wait; make room in the storage folder`;
    if (!this.#hasFailed) this.#options.logger.error('triggers.not_stored', message, { file: this.#log.path, error });
    this.#hasFailed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#options.clock.setTimeout(() => void this.#retry(), retryMs);
  }
  async #retry(): Promise<void> {
    await this.#writing;
    await (this.#writing = this.#save());
  }
}
