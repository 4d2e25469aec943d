import { z } from 'zod';
import { Matcher } from '../matcher/matcher.ts';
import { MatcherError } from '../matcher/matcher-error.ts';
import type { Silence } from './silence.ts';

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

/** What one request changed: all of it is in one record, so that never a half of it is read. */
const SilenceRecord = z.object({ silences: z.array(StoredSilence) });

/** Up to when the log has told of the silences that time starts and ends. */
const ToldRecord = z.object({ toldUntil: z.number() });

/** What the file of the silences holds. */
export interface StoredSilences {
  /** Each in its last version. */
  readonly silences: readonly Silence[];
  /** Up to when the log has told of the silences that time starts and ends, milliseconds; undefined: of none yet. */
  readonly toldUntil: number | undefined;
}

/** Puts the records together, in their order. */
export function storedSilences(records: readonly unknown[]): StoredSilences & { readonly unreadable: number } {
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

export function toldRecord(toldUntil: number): unknown {
  return { toldUntil };
}

/** Silences as they are written; times are milliseconds since the epoch. */
export function silenceRecord(silences: readonly Silence[]): unknown {
  return { silences: silences.map((silence) => ({ ...silence, matchers: silence.matchers.map(plain) })) };
}

/** The silences of a record; undefined if it is none. */
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
