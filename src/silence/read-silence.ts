import { isZeroTime, parseDateTime } from '../text/go/date-time.ts';
import { JsonError } from '../text/json-scanner.ts';
import { JsonReader } from '../text/json-reader.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { MatchType } from '../matcher/matcher.ts';
import type { PostableMatcher, PostableSilence } from './silence.ts';
import { SilenceError } from './silence-rules.ts';
import type { Sliced } from '../runtime/slices.ts';

/** The longest date-time, in characters, as for alerts. */
const longestTime = 1024;

/** The fields of an object of the body by their lower-case names. If a field is given twice, the last one wins. */
type Fields = ReadonlyMap<string, unknown>;

/**
 * Reads the body of `POST /api/v2/silences` in small steps, by the rules of Alertmanager 0.34's schema stage: it reads only the
 * first JSON value, matches names of fields in any letter case, passes over unknown fields, treats `null` as absent, and checks
 * the types before it checks that nothing is missing. One difference is on purpose: a null matcher is an error. Throws
 * SilenceError.
 * @param text well-formed Unicode
 */
export function* readSilence(text: string): Sliced<PostableSilence> {
  const reader = new JsonReader(text);
  yield* reader.start();
  if (reader.peek() === undefined) throw SilenceError.required();
  return postable(yield* readValue(reader));
}

function* readValue(reader: JsonReader): Sliced<unknown> {
  try {
    return yield* reader.value();
  } catch (error) {
    throw error instanceof JsonError ? SilenceError.unreadable(error.message) : error;
  }
}

function postable(body: unknown): PostableSilence {
  const fields = fieldsOf(body ?? {}, 'the silence');
  const draft = {
    id: textOf(fields, 'id') ?? '',
    annotations: annotationsOf(fields.get('annotations')),
    comment: textOf(fields, 'comment'),
    createdBy: textOf(fields, 'createdBy'),
    endsAt: timeOf(fields, 'endsAt'),
    matchers: matchersOf(fields.get('matchers')),
    startsAt: timeOf(fields, 'startsAt'),
  };
  const { id, annotations } = draft;
  return {
    id,
    annotations,
    comment: required(draft.comment, 'comment'),
    createdBy: required(draft.createdBy, 'createdBy'),
    endsAt: required(draft.endsAt, 'endsAt'),
    matchers: checkedMatchers(draft.matchers),
    startsAt: orNow(required(draft.startsAt, 'startsAt')),
  };
}

function orNow(startsAt: number): number | undefined {
  return isZeroTime(startsAt) ? undefined : startsAt;
}

/** The fields of a matcher before the check that none is missing. */
interface DraftMatcher {
  readonly isEqual: boolean;
  readonly isRegex: boolean | undefined;
  readonly name: string | undefined;
  readonly value: string | undefined;
}

function matchersOf(value: unknown): readonly DraftMatcher[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw SilenceError.unreadable('matchers is no array');
  return value.map((matcher, index) => {
    const path = `matchers.${index}`;
    const fields = fieldsOf(matcher, path);
    return {
      isEqual: flagOf(fields, 'isEqual', path) ?? true,
      isRegex: flagOf(fields, 'isRegex', path),
      name: textOf(fields, 'name', `${path}.`),
      value: textOf(fields, 'value', `${path}.`),
    };
  });
}

function checkedMatchers(drafts: readonly DraftMatcher[] | undefined): PostableMatcher[] {
  if (drafts === undefined) throw SilenceError.required('matchers');
  if (drafts.length === 0) throw SilenceError.noMatchers();
  return drafts.map(({ isEqual, isRegex, name, value }, index) => ({
    type: typeOf(isEqual, required(isRegex, `matchers.${index}.isRegex`)),
    name: required(name, `matchers.${index}.name`),
    value: required(value, `matchers.${index}.value`),
  }));
}

function typeOf(isEqual: boolean, isRegex: boolean): MatchType {
  if (isRegex) return isEqual ? '=~' : '!~';
  return isEqual ? '=' : '!=';
}

function required<T>(value: T | undefined, path: string): T {
  if (value === undefined) throw SilenceError.required(path);
  return value;
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw SilenceError.unreadable(`${what} is no object`);
  // Go reads `ſ` (U+017F) as an s.
  return new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase().replaceAll('\u017f', 's'), field]));
}

function textOf(fields: Fields, name: string, path = ''): string | undefined {
  const value = fields.get(name.toLowerCase()) ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw SilenceError.unreadable(`${path}${name} is no string`);
}

function flagOf(fields: Fields, name: string, path: string): boolean | undefined {
  const value = fields.get(name.toLowerCase()) ?? undefined;
  if (value === undefined || typeof value === 'boolean') return value;
  throw SilenceError.unreadable(`${path}.${name} is neither true nor false`);
}

function timeOf(fields: Fields, name: string): number | undefined {
  const text = textOf(fields, name);
  const time = text === undefined || text.length > longestTime ? undefined : parseDateTime(text);
  if (text === undefined || time !== undefined) return time;
  const shown = JSON.stringify(text.slice(0, 60));
  throw SilenceError.unreadable(`${name} is no date-time: ${shown}, expected RFC 3339`);
}

function annotationsOf(value: unknown): LabelSet {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw SilenceError.unreadable('annotations is no object');
  const pairs = Object.entries(value).map(([name, text]: [string, unknown]) => {
    if (typeof text !== 'string' && text !== null) throw SilenceError.unreadable('annotations holds what is no string');
    return [name, text ?? ''] as const;
  });
  return Object.fromEntries(pairs);
}
