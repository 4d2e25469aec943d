import { join } from 'node:path';
import * as z from 'zod';
import type { Silence } from './silence.ts';
import { RecordLog, type RecordLogLines } from '../storage/record-log.ts';
import { Matcher } from '../matcher/matcher.ts';
import { LabelsInJson } from '../alert/labels.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** A larger file of silences is not read, bytes. All silences that fit into memory make a fraction of that. */
const silenceLogBytes = 256 * 1024 * 1024;

/** Under `--storage.path`. */
export const silenceLogName = 'silences.log';

const damagedFile = 'the file of the silences is damaged';

const lines: RecordLogLines = {
  cutOff: ['silences.cut_off', 'the last change of the silences was never written whole: it is dropped'],
  notWritable: [
    'silences.not_writable',
    'silences cannot be created or changed: the storage folder has to be one that can be written to',
  ],
  damaged: ['silences.damaged', `${damagedFile}: what was readable is kept`],
  notReplaced: ['silences.damaged', `${damagedFile}, and could not be replaced yet`],
  notCompacted: ['silences.not_compacted', 'the file of the silences could not be written anew'],
};

interface SilenceLogOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `--storage.path` */
  readonly folder: string;
}

/** The silences on the disk. */
export class SilenceLog {
  readonly #options: SilenceLogOptions;
  readonly #log: RecordLog;
  #toldUntil: number | undefined;

  constructor(options: SilenceLogOptions) {
    const path = join(options.folder, silenceLogName);
    this.#options = options;
    this.#log = new RecordLog({
      ...options,
      path,
      maxBytes: silenceLogBytes,
      lines,
      failed: 'the silence could not be stored',
    });
  }

  /** Reads the stored silences. Never rejects: it logs what is wrong. */
  async open(): Promise<StoredSilences> {
    let stored: StoredSilences = { silences: [], toldUntil: undefined };
    await this.#log.open((records) => {
      const { unreadable, ...found } = storedSilences(records);
      stored = found;
      this.#toldUntil = found.toldUntil;
      return { unreadable, kept: found.silences.length, all: recordsOf(found.silences, found.toldUntil) };
    });
    return stored;
  }

  /**
   * Resolves once the changes are on the disk durably, each one whole. Rejects with StorageError; then none of them is.
   * @param changes the silences that each request changed
   * @param all all existing silences, the changes included
   */
  append(changes: readonly (readonly Silence[])[], all: () => Iterable<Silence>): Promise<void> {
    return this.#log.append(changes.map(silenceRecord), () => recordsOf(all(), this.#toldUntil));
  }

  /** Notes the time up to which the log reports starts and ends of silences. Never rejects: it logs a failure. */
  async noteLogged(until: number): Promise<void> {
    this.#toldUntil = until;
    try {
      await this.#log.note(toldRecord(until));
    } catch (error) {
      const message = 'the next start may tell again of silences that started or ended';
      this.#options.logger.warn('silences.not_noted', message, { file: this.#log.path, error });
    }
  }

  close(): Promise<void> {
    return this.#log.close();
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
  annotations: LabelsInJson,
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
