import * as z from 'zod';
import { describeRefusal, unshown, type Reader, type Refusal } from './reader.ts';

type Field<T> = z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>;
type Setting<T> = z.ZodPrefault<Field<T>>;
type Section<Shape extends z.ZodRawShape> = z.ZodPreprocess<
  z.ZodReadonly<z.ZodObject<{ -readonly [Key in keyof Shape]: Shape[Key] }, z.core.$strict>>
>;

/** One key of the file: how to read its value, and its default, in the notation of a user. */
export function setting<T>(
  read: Reader<T>,
  defaultValue: string | number | boolean | null | readonly string[],
): Setting<T> {
  return required(read).prefault(defaultValue);
}

/** One key of the file that has no default. An issue with the parameter `isMissing` reports that it is missing. */
export function required<T>(read: Reader<T>): Field<T> {
  return z.unknown().transform((found, context): T => {
    const reading = read(found);
    if ('value' in reading) return reading.value;
    const isMissing = found === undefined;
    const message = isMissing ? `missing, allowed: ${reading.allowed}` : describeRefusal(found, reading);
    context.addIssue({ code: 'custom', message, params: { isMissing } });
    return z.NEVER;
  });
}

/** A map of settings and sections, each with its default. Null, as in a line `receiver:` with nothing below it, means all defaults. */
export function section<Shape extends z.ZodRawShape>(
  shape: Shape,
  ...rules: z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[]
): Section<Shape> {
  return sectionOf(shape, rules, false);
}

/** The message of an issue about unknown keys that may be secrets put in the wrong place. */
export const unshownKeys = 'unknown keys that may be secrets';

/** A section that may hold secrets: a value that is found instead of the map is not shown, nor are keys that resemble no known key. */
export function secretSection<Shape extends z.ZodRawShape>(
  shape: Shape,
  ...rules: z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[]
): Section<Shape> {
  return sectionOf(shape, rules, true);
}

function sectionOf<Shape extends z.ZodRawShape>(
  shape: Shape,
  rules: readonly z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[],
  secret: boolean,
): Section<Shape> {
  const allowed = `a map with the keys ${Object.keys(shape).join(', ')}`;
  const map = z.strictObject(shape, {
    error: ({ code, input }) =>
      code === 'unrecognized_keys' && secret
        ? unshownKeys
        : code === 'invalid_type'
          ? describeRefusal(input, { allowed, secret, suggestion: secret ? undefined : withBlank(input, shape) })
          : undefined,
  });
  return z.preprocess((found) => found ?? {}, map.check(...rules).readonly());
}

/** YAML reads a line `key:value` without a blank as a text. A possible URL with a password would be masked beyond recognition. */
function withBlank(found: unknown, shape: z.ZodRawShape): string | undefined {
  const [, key, value = ''] = (typeof found === 'string' && /^(\w+):(.+)$/.exec(found)) || [];
  return key !== undefined && Object.hasOwn(shape, key) ? `${key}: ${value.includes('@') ? '...' : value}` : undefined;
}

/** The keys of the section at `path`, or of the items of the list there, with the schema of each; undefined if there is none. */
export function keysAt(schema: unknown, path: readonly string[]): ReadonlyMap<string, unknown> | undefined {
  const [key, ...rest] = path;
  if (schema instanceof z.ZodPipe) return keysAt(schema.def.out, path);
  if (schema instanceof z.ZodReadonly || schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable)
    return keysAt(schema.def.innerType, path);
  if (schema instanceof z.ZodArray) return key === undefined ? undefined : keysAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return undefined;
  const keys = new Map<string, unknown>(Object.entries(schema.shape));
  return key === undefined ? keys : keysAt(keys.get(key), rest);
}

/** The path of every existing key, sections included, in the order of the schema. */
export function keyPaths(schema: unknown, path: readonly string[] = []): (readonly string[])[] {
  return [...(keysAt(schema, path)?.keys() ?? [])].flatMap((key) => [
    [...path, key],
    ...keyPaths(schema, [...path, key]),
  ]);
}

type Collection<T> = z.ZodPrefault<z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>>;

/** What to say when something else is found. `secret`: no message may show the value. */
type NotFound = Pick<Refusal, 'allowed' | 'secret'>;

/** A list whose items are read one by one. Null, which is also an empty value, gives an empty list. */
export function listOf<T>(read: Reader<T>, refusal: NotFound): Collection<readonly T[]> {
  return collection((found, context): readonly T[] => {
    if (found === null) return [];
    if (Array.isArray(found)) return readAll(found.entries(), read, context).map(([, value]) => value);
    context.addIssue({ code: 'custom', message: describeRefusal(found, refusal) });
    return z.NEVER;
  });
}

/** One value, or a non-empty list without duplicates; always read as a list. Null, which is also an empty value, gives null. */
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
 * A map whose keys are the user's own. Null, which is also an empty value, gives an empty map. If the value may be secret, a refused
 * key is not shown either.
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
