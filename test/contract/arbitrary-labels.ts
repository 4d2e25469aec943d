import fc from 'fast-check';

const names = [
  'alertname',
  'job',
  'instance',
  'foo',
  'a.b',
  ':c',
  '_u',
  '9',
  'ключ x',
  '"',
  '\\',
  '\u{e000}',
  '😀',
  '__proto__',
  ' ',
];
const values = [
  '',
  'x',
  'X',
  'xy',
  '"',
  '\\',
  '\\n',
  '\n',
  'a b',
  ' a',
  'é',
  'é',
  '😀',
  '\ufffd',
  '\0',
  '\u2028',
  'x,y',
  '{x}',
  '\u00a0',
  'K',
  '\u212a',
];

/** The value of a label. */
export const arbitraryText = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...values) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
);
export const arbitraryName = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }) },
);
export const arbitraryLabels = fc.dictionary(arbitraryName, arbitraryText, { maxKeys: 5, noNullPrototype: false });

/** A part of a regular expression, or of a filter. */
export const arbitraryPiece = fc.oneof(
  fc.constantFrom(
    ...values,
    '(',
    ')',
    '[',
    ']',
    '.*',
    '.+',
    '|',
    '^',
    '$',
    '\\',
    '\\d',
    '\\pL',
    '[^x]',
    '(?i)',
    '(?s)',
    '{2}',
    '\\b',
    '*',
    '?',
    "'",
    '`',
    '~',
    '!',
    '=',
    ',',
    '{',
    '}',
  ),
  fc.string({ unit: 'binary', maxLength: 2 }),
);
const quoting = fc.constantFrom<((value: string) => string)[]>(
  (value) => value,
  (value) => `"${value}"`,
  (value) => JSON.stringify(value),
  (value) =>
    JSON.stringify(value).replaceAll(/[^ -~]/gu, (c) =>
      [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
    ),
);
/** A matcher as text, or something close to a matcher. */
export const arbitraryFilter = fc
  .tuple(
    quoting,
    fc.oneof({ weight: 5, arbitrary: arbitraryName }, { weight: 1, arbitrary: arbitraryPiece }),
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('=', '!=', '=~', '!~', ' = ', '\t=~\n') },
      { weight: 1, arbitrary: arbitraryPiece },
    ),
    quoting,
    fc.array(arbitraryPiece, { maxLength: 3 }),
  )
  .map(
    ([quoteName, matchedName, operator, quoteValue, pieces]) =>
      quoteName(matchedName) + operator + quoteValue(pieces.join('')),
  );
