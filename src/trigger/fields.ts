import * as z from 'zod';
import { describeRefusal, type Reader } from '../config/settings/reader.ts';

/** For the `error` of a schema: what was found, or that the field is missing, and what is allowed. */
export function refusedUnless(allowed: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => (input === undefined ? `missing, allowed: ${allowed}` : describeRefusal(input, { allowed }));
}

/** A field that holds a text. A JSON schema that is made of it says that it is one. */
export function textField<T>(
  read: Reader<T>,
  description: string,
  allowed: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z
    .string({ error: refusedUnless(allowed) })
    .meta({ description })
    .transform((found, context): T => {
      const reading = read(found);
      if ('value' in reading) return reading.value;
      context.addIssue({ code: 'custom', message: describeRefusal(found, reading) });
      return z.NEVER;
    });
}

/** A field that holds a text which needs no more than a look. */
export function checkedText(
  isAllowed: (text: string) => boolean,
  description: string,
  allowed: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> {
  return textField(
    (found) => (typeof found === 'string' && isAllowed(found) ? { value: found } : { allowed }),
    description,
    allowed,
  );
}

export function listField<Item extends z.ZodType>(item: Item, description: string, allowed: string): z.ZodArray<Item> {
  return z.array(item, { error: refusedUnless(allowed) }).meta({ description });
}

/** A map of fields. A field that it does not know is left out; whoever reads a file tells of it. */
export function mapField<Shape extends z.ZodRawShape>(
  shape: Shape,
  description: string,
): z.ZodObject<{ -readonly [Key in keyof Shape]: Shape[Key] }, z.core.$strip> {
  const keys = Object.keys(shape).join(', ');
  const allowed = keys === '' ? '{}' : `a map with the keys ${keys}`;
  return z.object(shape, { error: refusedUnless(allowed) }).meta({ description });
}
