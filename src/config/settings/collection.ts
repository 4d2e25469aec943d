import { z } from 'zod';
import { describeRefusal, unshown } from './reading.ts';
import type { Reader, Refusal } from './reading.ts';

type Collection<T> = z.ZodPrefault<z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>>;

/** What to say when something else is found. `secret`: no message may show what that is. */
type NotFound = Pick<Refusal, 'allowed' | 'secret'>;

/** A list, each item read by itself. Null, as nothing at all, is an empty list. */
export function listOf<T>(read: Reader<T>, refusal: NotFound): Collection<readonly T[]> {
  return collection((found, context): readonly T[] => {
    if (found === null) return [];
    if (Array.isArray(found)) return readAll(found.entries(), read, context).map(([, value]) => value);
    context.addIssue({ code: 'custom', message: describeRefusal(found, refusal) });
    return z.NEVER;
  });
}

/** One value, or a list of some, none of them there twice; always read as a list. Null, as nothing at all, is null. */
export function oneOrListOf<T extends string>(read: Reader<T>, refusal: NotFound): Collection<readonly T[] | null> {
  return collection((found, context): readonly T[] | null => {
    if (found === null) return null;
    if (!Array.isArray(found)) return readOne(found, read, context);
    const values = readAll(found.entries(), read, context).map(([, value]) => value);
    if (found.length > 0 && new Set(values).size === values.length) return values;
    context.addIssue({ code: 'custom', message: describeRefusal(found, refusal) });
    return z.NEVER;
  });
}

/**
 * A map whose keys are the user's own. Null, as nothing at all, is an empty map. A key that is refused is not shown either, if
 * what is found is secret.
 */
export function mapOf<T>(
  read: Reader<T>,
  readKey: Reader<string>,
  refusal: NotFound,
): Collection<ReadonlyMap<string, T>> {
  return collection((found, context): ReadonlyMap<string, T> => {
    if (found === null) return new Map();
    if (typeof found === 'object' && found !== null && !Array.isArray(found)) {
      const readName = refusal.secret === true ? unshown(readKey) : readKey;
      const entries = Object.entries(found).filter(([key]) => isKey(key, readName, context));
      return new Map(readAll(entries, read, context));
    }
    context.addIssue({ code: 'custom', message: describeRefusal(found, refusal) });
    return z.NEVER;
  });
}

function collection<T>(transform: (found: unknown, context: z.RefinementCtx) => T): Collection<T> {
  return z.unknown().transform(transform).prefault(null);
}

function readOne<T>(found: unknown, read: Reader<T>, context: z.RefinementCtx): readonly T[] {
  const reading = read(found);
  if ('value' in reading) return [reading.value];
  context.addIssue({ code: 'custom', message: describeRefusal(found, reading) });
  return z.NEVER;
}

function isKey(key: string, read: Reader<string>, context: z.RefinementCtx): boolean {
  const reading = read(key);
  if ('value' in reading) return true;
  const path = reading.secret === true ? [] : [key];
  context.addIssue({ code: 'custom', path, message: describeRefusal(key, reading) });
  return false;
}

function readAll<K extends string | number, T>(
  entries: Iterable<readonly [K, unknown]>,
  read: Reader<T>,
  context: z.RefinementCtx,
): (readonly [K, T])[] {
  const values: (readonly [K, T])[] = [];
  for (const [key, found] of entries) {
    const reading = read(found);
    if ('value' in reading) values.push([key, reading.value]);
    else context.addIssue({ code: 'custom', path: [key], message: describeRefusal(found, reading) });
  }
  return values;
}
