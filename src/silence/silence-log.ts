import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Silence } from './silence.ts';
import { readRegularFile } from '../runtime/regular-file.ts';
import { RecordFile, StorageError, readRecords } from '../storage/record-file.ts';
import { Matcher } from '../matcher/matcher.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** A larger file of silences is not read, bytes. All silences that fit into memory make a fraction of that. */
const silenceLogBytes = 256 * 1024 * 1024;

interface SilenceLogOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `--storage.path` */
  readonly folder: string;
}

/** The file is rewritten when it has this many bytes more than twice the size of the silences. */
const slackBytes = 1024 * 1024;

/**
 * The silences on the disk: a log to which each change is appended, and which is rewritten once most of it is history. A damaged
 * file does not prevent a start: its readable part is kept, and the file itself under another name.
 */
export class SilenceLog {
  readonly #options: SilenceLogOptions;
  readonly #file: RecordFile;
  /** True while the file on the disk is damaged and has not been set aside. */
  #damaged = false;
  /** The file is rewritten when it is larger than this, bytes. */
  #compactAt = slackBytes;
  #toldUntil: number | undefined;
  /** The last access to the file; there is only one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SilenceLogOptions) {
    this.#options = options;
    this.#file = new RecordFile(join(options.folder, 'silences.log'));
  }

  /** Reads the stored silences. Never rejects: it logs what is wrong. */
  async open(): Promise<StoredSilences> {
    const bytes = await this.#read();
    if (bytes === undefined) return { silences: [], toldUntil: undefined };
    const { values, goodBytes, damagedBytes, cutOffBytes } = readRecords(bytes);
    const { silences, toldUntil, unreadable } = storedSilences(values);
    this.#toldUntil = toldUntil;
    if (damagedBytes + unreadable > 0) {
      const counts = { damaged_bytes: damagedBytes, unreadable_records: unreadable, kept: silences.length };
      await this.#setAside(counts, silences);
    } else await this.#resume(silences, goodBytes, cutOffBytes);
    return { silences, toldUntil };
  }

  /**
   * Resolves once the changes are on the disk durably, each one whole. Rejects with StorageError; then none of them is.
   * @param changes the silences that each request changed
   * @param all all existing silences, the changes included
   */
  append(changes: readonly (readonly Silence[])[], all: () => Iterable<Silence>): Promise<void> {
    return this.#inTurn(() => this.#append(changes, all));
  }

  /** Notes the time up to which the log reports starts and ends of silences. Never rejects: it logs a failure. */
  noteLogged(until: number): Promise<void> {
    this.#toldUntil = until;
    return this.#inTurn(() => this.#appendTold(until));
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#file.close());
  }

  #inTurn(access: () => Promise<void>): Promise<void> {
    const result = this.#last.then(access);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #append(changes: readonly (readonly Silence[])[], all: () => Iterable<Silence>): Promise<void> {
    try {
      if (this.#file.bytes > this.#compactAt && (await this.#compact(all))) return;
      if (!this.#damaged && this.#file.isSound && (await this.#file.isInPlace()))
        await this.#file.append(changes.map(silenceRecord));
      else await this.#rewrite(all());
    } catch (error) {
      throw new StorageError('the silence could not be stored', error);
    }
  }

  async #appendTold(until: number): Promise<void> {
    try {
      // Otherwise the next change rewrites the file, and this time with it.
      if (!this.#damaged && this.#file.isSound) await this.#file.append([toldRecord(until)]);
    } catch (error) {
      const message = 'the next start may tell again of silences that started or ended';
      this.#options.logger.warn('silences.not_noted', message, { file: this.#file.path, error });
    }
  }

  /** Undefined if there is no readable file. */
  async #read(): Promise<Buffer | undefined> {
    await rm(`${this.#file.path}.new`, { force: true }).catch(() => undefined);
    try {
      return await readRegularFile(this.#file.path, silenceLogBytes);
    } catch (error) {
      // ENOTDIR: the path of the folder is not a folder.
      const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
      await (isMissing ? this.#makeWritable(() => this.#rewrite([])) : this.#setAside({ error, kept: 0 }, []));
      return undefined;
    }
  }

  /** Continues a file that is as we left it, or whose last record was being written when the process was killed. */
  async #resume(silences: readonly Silence[], goodBytes: number | undefined, cutOffBytes: number): Promise<void> {
    if (cutOffBytes > 0)
      this.#options.logger.warn(
        'silences.cut_off',
        'the last change of the silences was never written whole: it is dropped',
        { file: this.#file.path, dropped_bytes: cutOffBytes },
      );
    await this.#makeWritable(async () => {
      // A file without the end of its last line cannot be appended to.
      if (goodBytes === undefined) await this.#rewrite(silences);
      else {
        await this.#open(goodBytes, silences);
      }
    });
  }

  /** A link is read but never written through: our own file replaces it. */
  async #open(goodBytes: number, silences: readonly Silence[]): Promise<void> {
    try {
      await this.#file.open(goodBytes);
      this.#compactAt = goodBytes + slackBytes;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
      await this.#rewrite(silences);
    }
  }

  /** The log reports at the start, not at the first change, that silences cannot be stored. */
  async #makeWritable(make: () => Promise<unknown>): Promise<void> {
    try {
      await make();
    } catch (error) {
      const message = 'silences cannot be created or changed: the storage folder has to be one that can be written to';
      this.#options.logger.error('silences.not_writable', message, { file: this.#file.path, error });
    }
  }

  async #setAside(found: Readonly<Record<string, unknown>>, kept: Iterable<Silence>): Promise<void> {
    this.#damaged = true;
    const { logger } = this.#options;
    const fields = { file: this.#file.path, ...found };
    try {
      const name = await this.#rewrite(kept);
      logger.error('silences.damaged', 'the file of the silences is damaged: what was readable is kept', {
        ...fields,
        set_aside_as: name,
      });
    } catch (error) {
      logger.error('silences.damaged', 'the file of the silences is damaged, and could not be replaced yet', {
        ...fields,
        rewrite_error: error,
      });
    }
  }

  /** Returns the name under which a damaged file is kept. */
  async #rewrite(all: Iterable<Silence>): Promise<string | undefined> {
    const time = new Date(this.#options.clock.now()).toISOString().replaceAll(':', '-');
    const keepAs = this.#damaged ? `${this.#file.path}.damaged-${time}` : undefined;
    await this.#file.replace(recordsOf(all, this.#toldUntil), keepAs);
    this.#damaged = false;
    this.#compactAt = 2 * this.#file.bytes + slackBytes;
    return keepAs;
  }

  /** Returns false on failure: if the disk has no room for a second file, the first one keeps growing. */
  async #compact(all: () => Iterable<Silence>): Promise<boolean> {
    const bytes = this.#file.bytes;
    try {
      await this.#rewrite(all());
      return true;
    } catch (error) {
      this.#options.logger.warn('silences.not_compacted', 'the file of the silences could not be written anew', {
        file: this.#file.path,
        file_bytes: bytes,
        error,
      });
      this.#compactAt = bytes + slackBytes;
      return false;
    }
  }
}

function* recordsOf(silences: Iterable<Silence>, toldUntil: number | undefined): Iterable<unknown> {
  for (const silence of silences) yield silenceRecord([silence]);
  if (toldUntil !== undefined) yield toldRecord(toldUntil);
}

const StoredSilence = z.object({
  id: z.string(),
  matchers: z.array(z.object({ name: z.string(), value: z.string(), type: z.enum(['=', '!=', '=~', '!~']) })),
  startsAt: z.number(),
  endsAt: z.number(),
  updatedAt: z.number(),
  createdBy: z.string(),
  comment: z.string(),
  annotations: z.record(z.string(), z.string()),
});

/** The changes of one request, all in one record, so that half of them are never read. */
const SilenceRecord = z.object({ silences: z.array(StoredSilence) });

/** The time up to which the log reports starts and ends of silences. */
const ToldRecord = z.object({ toldUntil: z.number() });

/** The content of the file of silences. */
export interface StoredSilences {
  /** Each silence in its last version. */
  readonly silences: readonly Silence[];
  /** The time up to which the log reports starts and ends of silences, milliseconds; undefined if there is none. */
  readonly toldUntil: number | undefined;
}

/** Combines the records in their order. */
function storedSilences(records: readonly unknown[]): StoredSilences & { readonly unreadable: number } {
  const silences = new Map<string, Silence>();
  let toldUntil: number | undefined;
  let unreadable = 0;
  for (const record of records) {
    const told = ToldRecord.safeParse(record).data;
    const changed = told === undefined ? silencesOf(record) : [];
    if (changed === undefined) unreadable++;
    for (const silence of changed ?? []) silences.set(silence.id, silence);
    toldUntil = told?.toldUntil ?? toldUntil;
  }
  return { silences: [...silences.values()], toldUntil, unreadable };
}

function toldRecord(toldUntil: number): unknown {
  return { toldUntil };
}

/** The stored form of silences; times are milliseconds since the epoch. */
function silenceRecord(silences: readonly Silence[]): unknown {
  return { silences: silences.map((silence) => ({ ...silence, matchers: silence.matchers.map(plain) })) };
}

/** The silences of a record; undefined if it is not such a record. */
function silencesOf(value: unknown): Silence[] | undefined {
  const { data } = SilenceRecord.safeParse(value);
  try {
    return data?.silences.map((silence) => ({ ...silence, matchers: silence.matchers.map(compiled) }));
  } catch (error) {
    if (error instanceof MatcherError) return undefined;
    throw error;
  }
}

function plain({ name, value, type }: Matcher): unknown {
  return { name, value, type };
}

function compiled({ name, value, type }: Pick<Matcher, 'name' | 'value' | 'type'>): Matcher {
  return new Matcher(name, value, type);
}
