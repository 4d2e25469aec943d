import { z } from 'zod';
import { describeRefusal } from './reading.ts';
import type { Reader } from './reading.ts';

type Setting<T> = z.ZodPrefault<z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>>;
type Section<Shape extends z.ZodRawShape> = z.ZodPreprocess<
  z.ZodReadonly<z.ZodObject<{ -readonly [Key in keyof Shape]: Shape[Key] }, z.core.$strict>>
>;

/** One key of the file: how its value is read, and its default, written as a user would write it. */
export function setting<T>(
  read: Reader<T>,
  defaultValue: string | number | boolean | null | readonly string[],
): Setting<T> {
  return z
    .unknown()
    .transform((found, context): T => {
      const reading = read(found);
      if ('value' in reading) return reading.value;
      context.addIssue({ code: 'custom', message: describeRefusal(found, reading) });
      return z.NEVER;
    })
    .prefault(defaultValue);
}

/** A map of settings and sections, each with its default. Null, as in a line `receiver:` with nothing below, is all defaults. */
export function section<Shape extends z.ZodRawShape>(
  shape: Shape,
  ...rules: z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[]
): Section<Shape> {
  return mapOf(shape, rules, false);
}

/** A section that may hold secrets: what stands there instead of a map is not shown. */
export function secretSection<Shape extends z.ZodRawShape>(
  shape: Shape,
  ...rules: z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[]
): Section<Shape> {
  return mapOf(shape, rules, true);
}

function mapOf<Shape extends z.ZodRawShape>(
  shape: Shape,
  rules: readonly z.core.$ZodCheck<z.infer<z.ZodObject<Shape>>>[],
  secret: boolean,
): Section<Shape> {
  const allowed = `a map with the keys ${Object.keys(shape).join(', ')}`;
  const map = z.strictObject(shape, {
    error: ({ code, input }) =>
      code === 'invalid_type'
        ? describeRefusal(input, { allowed, secret, suggestion: secret ? undefined : withBlank(input, shape) })
        : undefined,
  });
  return z.preprocess((found) => found ?? {}, map.check(...rules).readonly());
}

/** YAML reads a single line `key:value` as a text. What may be a URL with a password would be masked beyond recognition. */
function withBlank(found: unknown, shape: z.ZodRawShape): string | undefined {
  const [, key, value = ''] = (typeof found === 'string' && /^(\w+):(.+)$/.exec(found)) || [];
  return key !== undefined && Object.hasOwn(shape, key) ? `${key}: ${value.includes('@') ? '...' : value}` : undefined;
}

/** The keys of the section at `path`, with what each holds; undefined where there is no section. */
export function keysAt(schema: unknown, path: readonly string[]): ReadonlyMap<string, unknown> | undefined {
  const [key, ...rest] = path;
  if (schema instanceof z.ZodPipe) return keysAt(schema.def.out, path);
  if (schema instanceof z.ZodReadonly) return keysAt(schema.def.innerType, path);
  if (!(schema instanceof z.ZodObject)) return undefined;
  const keys = new Map<string, unknown>(Object.entries(schema.shape));
  return key === undefined ? keys : keysAt(keys.get(key), rest);
}

/** The way to every key that there is, sections included, in the order of the schema. */
export function keyPaths(schema: unknown, path: readonly string[] = []): (readonly string[])[] {
  return [...(keysAt(schema, path)?.keys() ?? [])].flatMap((key) => [
    [...path, key],
    ...keyPaths(schema, [...path, key]),
  ]);
}
