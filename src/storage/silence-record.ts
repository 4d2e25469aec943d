import { z } from 'zod';
import { Matcher } from '../alert/matcher.ts';
import { MatcherError } from '../alert/matcher-error.ts';
import type { Silence } from '../alert/silence.ts';

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

/** Silences as they are written; times are milliseconds since the epoch. */
export function silenceRecord(silences: readonly Silence[]): unknown {
  return { silences: silences.map((silence) => ({ ...silence, matchers: silence.matchers.map(plain) })) };
}

/** The silences of a record; undefined if it is none. */
export function silencesOf(value: unknown): Silence[] | undefined {
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
