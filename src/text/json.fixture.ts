import fc, { type Arbitrary } from 'fast-check';

/** A JSON text and its value. */
export interface JsonText {
  readonly text: string;
  readonly value: unknown;
  /** The same, without the members that a later member of the same name replaces. */
  readonly deduplicated: string;
}

/** The blanks that may stand between tokens. */
export const blanks = fc
  .array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 2 })
  .map((characters) => characters.join(''));

/** One character of a string, plain or escaped in every possible way; only escapes can produce lone surrogates. */
const stringCharacter = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map(plainOrEscaped) },
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }).map(plainOrEscaped) },
  { weight: 2, arbitrary: fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\u0000') },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }).map(hexadecimalEscape) },
  { weight: 1, arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }).map(hexadecimalEscape) },
);

function plainOrEscaped(character: string): string {
  return JSON.stringify(character).slice(1, -1);
}

function hexadecimalEscape(unit: number): string {
  const digits = unit.toString(16).padStart(4, '0');
  return `\\u${unit % 2 === 0 ? digits : digits.toUpperCase()}`;
}

/** Any string, in any notation. */
export const jsonString: Arbitrary<JsonText> = fc
  .array(stringCharacter, { maxLength: 8 })
  .map((characters) => ofString(`"${characters.join('')}"`));

/** One string, written plainly or with every character escaped. */
export function written(value: string): Arbitrary<JsonText> {
  const escaped = value.replaceAll(/[^]/g, (unit) => hexadecimalEscape(unit.charCodeAt(0)));
  return fc.constantFrom(JSON.stringify(value), JSON.stringify(value), `"${escaped}"`).map(ofString);
}

function ofString(text: string): JsonText {
  return { text, value: (JSON.parse(text) as string).toWellFormed(), deduplicated: text };
}

const digits = fc.stringMatching(/^\d{1,4}$/);

const jsonNumber: Arbitrary<JsonText> = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9]\d{0,20}$/)),
    fc.option(digits, { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), digits), { nil: undefined }),
  )
  .map(([sign, whole, fraction, exponent]) => {
    const text = sign + whole + (fraction === undefined ? '' : `.${fraction}`) + (exponent?.join('') ?? '');
    return { text, value: Number(text), deduplicated: text };
  });

const jsonWord = fc
  .constantFrom(null, true, false)
  .map((value) => ({ text: String(value), value, deduplicated: String(value) }));

/** An object with these members and blanks anywhere. Of members with the same name, the last one counts. */
export function jsonObject(members: Arbitrary<readonly (readonly [JsonText, JsonText])[]>): Arbitrary<JsonText> {
  return fc.tuple(members, fc.array(blanks, { minLength: 4, maxLength: 4 })).map(([list, around]) => {
    const last = new Map(list.map((member) => [member[0].value as string, member]));
    return {
      text: joined(
        '{}',
        around,
        list.map(([name, { text }]) => [name.text, text]),
        ':',
      ),
      value: Object.fromEntries(list.map(([name, value]) => [name.value, value.value])),
      deduplicated: joined(
        '{}',
        around,
        [...last.values()].map(([name, value]) => [name.text, value.deduplicated]),
        ':',
      ),
    };
  });
}

export function jsonArray(elements: Arbitrary<readonly JsonText[]>): Arbitrary<JsonText> {
  return fc.tuple(elements, fc.array(blanks, { minLength: 4, maxLength: 4 })).map(([list, around]) => ({
    text: joined(
      '[]',
      around,
      list.map(({ text }) => [text]),
      '',
    ),
    value: list.map(({ value }) => value),
    deduplicated: joined(
      '[]',
      around,
      list.map(({ deduplicated }) => [deduplicated]),
      '',
    ),
  }));
}

function joined(brackets: string, around: readonly string[], items: readonly string[][], colon: string): string {
  const [a, b, c, d] = around;
  return brackets[0] + a! + items.map((item) => b! + item.join(c! + colon + d!) + c!).join(',') + brackets[1]!;
}

/** Few names, so that some come twice; among them names that every JavaScript object has. */
const memberName = fc.oneof(
  jsonString,
  fc.constantFrom('', 'a', 'b', '1', '01', '\\', 'a\n', '"', '__proto__', 'constructor', 'toString').chain(written),
);

/** Any JSON value, in any formatting. */
export const jsonValue: Arbitrary<JsonText> = fc.letrec<{ value: JsonText }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    jsonWord,
    jsonNumber,
    jsonString,
    jsonArray(fc.array(tie('value'), { maxLength: 4 })),
    jsonObject(fc.array(fc.tuple(memberName, tie('value')), { maxLength: 4 })),
  ),
})).value;
