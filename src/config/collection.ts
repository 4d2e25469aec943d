import { z } from 'zod';
import { describeRefusal } from './reading.ts';
import type { Reader } from './reading.ts';

type Collection<T> = z.ZodPrefault<z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>>;

/** A list, each item read by itself. Null, as nothing at all, is an empty list. */
export function listOf<T>(read: Reader<T>, allowed: string): Collection<readonly T[]> {
  return collection((found, context): readonly T[] => {
    if (found === null) return [];
    if (Array.isArray(found)) return readAll(found.entries(), read, context).map(([, value]) => value);
    context.addIssue({ code: 'custom', message: describeRefusal(found, { allowed }) });
    return z.NEVER;
  });
}

/**
 * A map whose keys are the user's own. Null, as nothing at all, is an empty map.
 * @param refusal.secret true if no message may show what was found instead of a map
 */
export function mapOf<T>(
  read: Reader<T>,
  readKey: Reader<string>,
  refusal: { readonly allowed: string; readonly secret?: boolean },
): Collection<ReadonlyMap<string, T>> {
  return collection((found, context): ReadonlyMap<string, T> => {
    if (found === null) return new Map();
    if (typeof found === 'object' && found !== null && !Array.isArray(found)) {
      const entries = Object.entries(found);
      for (const [key] of entries) readAll([[key, key]], readKey, context);
      return new Map(readAll(entries, read, context));
    }
    context.addIssue({ code: 'custom', message: describeRefusal(found, refusal) });
    return z.NEVER;
  });
}

function collection<T>(transform: (found: unknown, context: z.RefinementCtx) => T): Collection<T> {
  return z.unknown().transform(transform).prefault(null);
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
