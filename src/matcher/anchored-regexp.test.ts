import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { AnchoredRegexp, compileRegexp, listedValues, regexpSize } from './anchored-regexp.ts';

describe('AnchoredRegexp', () => {
  it('refuses an expression that would take too long to compile', () =>
    assert.throws(() => new AnchoredRegexp('\\pL{1000}'.repeat(100)), {
      message: 'error parsing regexp: expression too large (over 8000 instructions)',
    }));

  it('refuses what is not Unicode', () =>
    assert.throws(() => new AnchoredRegexp('a\udcff'), { message: /^error parsing regexp: invalid UTF-8: / }));

  it('takes a list of a few hundred names', () => {
    const names = Array.from({ length: 200 }, (_, index) => `telemetry-gateway-${index}-abcdef`);
    assert.equal(new AnchoredRegexp(names.join('|')).test('telemetry-gateway-199-abcdef'), true);
  });

  it('does not try a text that would take it too long', () => {
    const regexp = new AnchoredRegexp('[ab]*a[ab]{900}');
    assert.equal(regexp.test('a'.repeat(1500)), true);
    assert.equal(regexp.test('a'.repeat(3000)), undefined);
    assert.equal(new AnchoredRegexp('a*').test('a'.repeat(100_000)), true);
  });

  it('anchors the alternatives inside the parentheses that it adds, as Alertmanager does', () =>
    assert.deepEqual(
      ['a', 'ax', 'xb', 'x'].map((text) => new AnchoredRegexp('a)|(?:b').test(text)),
      [true, true, true, false],
    ));

  // test() first searches for texts that the expression needs; testExact() tries the whole match at once.
  it('decides the same with and without the quick search for required texts', () =>
    fc.assert(
      fc.property(arbitraryExpression(), fc.array(fc.array(piece).map(joined), { maxLength: 20 }), (source, texts) => {
        const tried = RE2JS.compile(`^(?:${source})$`);
        const regexp = new AnchoredRegexp(source);
        for (const text of texts)
          assert.equal(regexp.test(text), tried.testExact(text), JSON.stringify([source, text]));
      }),
      { numRuns: 1000 },
    ));
});

/** The pieces of a text: letters that fold into each other, half a surrogate pair, line ends. */
const piece = fc.constantFrom('a', 'b', 'ab', 'K', 'k', '\u212a', 's', '\u017f', '.', '\n', '😀', '\ud83d', '-', '');

function arbitraryExpression() {
  const atom = fc.constantFrom(
    'a',
    'b',
    'ab',
    'k',
    's',
    '\\.',
    '.',
    '😀',
    '\u212a',
    '-',
    '[ab]',
    '[^a]',
    '\\w',
    '\\n',
    '\\pL',
    '\\Qa.\\E',
    '^',
    '$',
    '\\b',
    '\\x61',
    '',
  );
  const { all } = fc.letrec<Record<'all' | 'some', string>>((tie) => ({
    some: fc.oneof(
      { depthSize: 'small' },
      atom,
      fc
        .tuple(atom, fc.constantFrom('?', '*', '+', '{0}', '{2}', '{0,1}', '*?'))
        .map(([one, times]) => `(?:${one})${times}`),
      fc
        .tuple(fc.constantFrom('(', '(?:', '(?i:', '(?s:', '(?m:'), tie('all'))
        .map(([open, inner]) => `${open}${inner})`),
      tie('all').map((inner) => `(?:${inner})?`),
    ),
    all: fc.oneof(
      { depthSize: 'small' },
      fc.array(tie('some'), { maxLength: 4 }).map(joined),
      fc.tuple(tie('some'), tie('some')).map((two) => two.join('|')),
    ),
  }));
  return fc.tuple(fc.constantFrom('', '', '(?i)', '(?m)', '(?U)'), all).map(joined);
}

function joined(pieces: readonly string[]): string {
  return pieces.join('');
}

describe('compileRegexp', () => {
  // The words of Go's regexp/syntax.
  for (const [expression, message] of [
    ['[', 'missing closing ]: `[`'],
    ['a)', 'unexpected ): `a)`'],
    ['\\', 'trailing backslash at end of expression: ``'],
    ['a**', 'invalid nested repetition operator: `**`'],
  ] as const)
    it(`says what is wrong with ${expression}`, () =>
      assert.throws(() => compileRegexp(expression), {
        name: 'MatcherError',
        message: `error parsing regexp: ${message}`,
      }));
});

const items =
  'a . \\d [a-z] [^]a] []] [\\]a] [[:alpha:]] \\pL \\p{Greek} [\\pL\\pN] \\Q(\\E \\Q)\\E ( (?: ) | * + ? {3} {2,5} {4,} ' +
  '{1,2 (?i) \\( \\x{61} 😀 [( (?P<n> ^ $ \\b {30} K ü (?i: [ \\Q';

describe('regexpSize', () => {
  it('multiplies what is repeated', () => {
    assert.ok(regexpSize('((ab){10}c){10}') > 200);
    assert.ok(regexpSize('x{1000}'.repeat(100)) >= 100_000);
    assert.ok(regexpSize('a(bc)*d') < 20);
  });

  it('is at least about the size of the programme, whatever the expression', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...items.split(' ')), { maxLength: 12 }), (parts) => {
        const expression = `^(?:${parts.join('')})$`;
        let size: number;
        try {
          size = RE2JS.compile(expression).programSize();
        } catch {
          return;
        }
        assert.ok(size <= 2 * regexpSize(expression), expression);
      }),
      { numRuns: 1000 },
    ));
});

const cases: readonly (readonly [expression: string, values: readonly string[] | undefined])[] = [
  ['api', ['api']],
  ['api|web-2|web 3', ['api', 'web-2', 'web 3']],
  ['10\\.0\\.0\\.5:9100|host\\-1', ['10.0.0.5:9100', 'host-1']],
  ['a\\\\b', ['a\\b']],
  ['', undefined],
  ['a|', undefined],
  ['a||b', undefined],
  ['a\\|b', undefined],
  ['a.b', undefined],
  ['a\\d', undefined],
  ['(a|b)', undefined],
  ['a|b*', undefined],
  ['ä', undefined],
];

describe('listedValues()', () => {
  for (const [expression, values] of cases)
    it(`reads ${JSON.stringify(expression)}`, () => assert.deepEqual(listedValues(expression), values));

  it('gives exactly the values that the expression matches', () =>
    fc.assert(
      fc.property(expressions(), fc.array(expressions(), { maxLength: 10 }), (expression, others) => {
        const values = listedValues(expression);
        fc.pre(values !== undefined);
        const regexp = RE2JS.compile(`^(?:${expression})$`);
        for (const value of values) assert.ok(regexp.testExact(value), value);
        for (const other of others) assert.equal(regexp.testExact(other), values.includes(other), other);
      }),
    ));
});

function expressions(): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
  const part = fc.oneof(
    fc.constantFrom('a', 'b', '|', '\\.', '.'),
    character,
    character.map((one) => `\\${one}`),
  );
  return fc.array(part, { maxLength: 5 }).map(joined);
}
