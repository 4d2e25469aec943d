import * as z from 'zod';
import { Config } from '../src/config/config.ts';

/** A JSON Schema, draft 7. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of the configuration, for `config` of the Helm values. It refuses what Tocsin refuses by type, unit or name; ranges
 * and rules between keys are left to Tocsin itself. It never refuses what Tocsin accepts.
 */
export function configSchema(): JsonSchema {
  return schemaOf(Config);
}

const duration = '^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$';
const size = '^[0-9]+(B|KiB|MiB|GiB)$';

/** By the start of the text that says what a key allows. */
const leaves: readonly (readonly [start: string, schema: JsonSchema])[] = [
  // Of the numbers, only 0 needs no unit.
  ['a duration', { type: ['string', 'integer'], pattern: duration, minLength: 1, minimum: 0, maximum: 0 }],
  ['a size', { type: 'string', pattern: size }],
  ['a whole number from 0 up', { type: 'integer', minimum: 0 }],
  ['a whole number from 1 up', { type: 'integer', minimum: 1 }],
  ['a number over 0', { type: 'number' }],
  ['true or false', { type: 'boolean' }],
  ['false: ', { const: false }],
  ['an http or https URL without query or fragment', { type: ['string', 'array'], items: { type: 'string' } }],
  ['a list of', { type: 'array' }],
  ['a map', { type: 'object' }],
];

function schemaOf(node: z.core.$ZodType): JsonSchema {
  const inner = unwrap(node);
  if (inner instanceof z.ZodObject) return orNull(node, objectOf(inner));
  if (inner instanceof z.ZodArray) return orNull(node, { type: 'array', items: schemaOf(inner.element) });
  const allowed = allowedBy(node);
  return { description: allowed, ...orNull(node, leafOf(node, allowed)) };
}

function objectOf({ shape }: z.ZodObject): JsonSchema {
  const entries = Object.entries(shape);
  const required = entries.filter(([, node]) => !accepts(node, undefined)).map(([key]) => key);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(entries.map(([key, node]) => [key, schemaOf(node)])),
  };
}

function leafOf(node: z.core.$ZodType, allowed: string): JsonSchema {
  const [, schema] = leaves.find(([start]) => allowed.startsWith(start)) ?? [];
  if (schema !== undefined) return schema;
  const words = (allowed.match(/[\w.-]+/g) ?? []).filter((word) => accepts(node, word));
  if (words.length > 1 && !accepts(node, 'another')) return { enum: words };
  return { type: 'string', ...(!accepts(node, '') && { minLength: 1 }) };
}

function orNull(node: z.core.$ZodType, schema: JsonSchema): JsonSchema {
  if (!accepts(node, null)) return schema;
  const { type, enum: words } = schema;
  if (Array.isArray(words)) return { ...schema, enum: [...(words as readonly string[]), null] };
  return { ...schema, type: [type, 'null'].flat() };
}

function unwrap(node: z.core.$ZodType): z.core.$ZodType {
  if (node instanceof z.ZodReadonly || node instanceof z.ZodPrefault || node instanceof z.ZodNullable)
    return unwrap(node.def.innerType);
  return node instanceof z.ZodPipe && node.def.in instanceof z.ZodTransform ? unwrap(node.def.out) : node;
}

function accepts(node: z.core.$ZodType, value: unknown): boolean {
  return z.safeParse(node, value).success;
}

/** What a key says that it allows, when it is given something that no key allows. */
function allowedBy(node: z.core.$ZodType): string {
  const { error } = z.safeParse(node, Number.NaN);
  const message = error?.issues[0]?.message ?? '';
  const [, allowed] = /allowed: ([^]*)$/.exec(message) ?? [];
  if (allowed === undefined) throw new Error(`a key of the configuration does not say what it allows: "${message}"`);
  return allowed;
}
