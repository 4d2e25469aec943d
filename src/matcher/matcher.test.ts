import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher, type MatchType } from './matcher.ts';
import { MatcherError } from './anchored-regexp.ts';

const name = 'name';

describe('Matcher', () => {
  const rows: readonly (readonly [MatchType, string, string, boolean])[] = [
    ['=', 'x', 'x', true],
    ['=', 'x', 'X', false],
    ['!=', 'x', 'y', true],
    ['!=', 'x', 'x', false],
    ['=~', 'a|b', 'b', true],
    ['=~', 'a|b', 'ab', false],
    ['=~', 'a.*', 'a\nb', false],
    ['=~', '(?s)a.*', 'a\nb', true],
    ['=~', 'a', 'a\n', false],
    ['=~', '.', '😀', true],
    ['=~', '.', '\u2028', true],
    ['=~', '.', '\r', true],
    ['=~', '(?i)k', '\u212a', true],
    ['=~', '\\d', '٣', false],
    ['=~', 'a)(b', 'ab', true],
    ['=~', '', '', true],
    ['!~', 'a|b', 'c', true],
    ['!~', 'a|b', 'a', false],
  ];
  for (const [type, value, label, expected] of rows) {
    it(`says ${expected} to ${JSON.stringify(label)} for ${type}${JSON.stringify(value)}`, () =>
      assert.equal(new Matcher(name, value, type).matches({ [name]: label }), expected));
  }

  it('treats a missing label as an empty one', () => {
    assert.equal(new Matcher(name, '', '=').matches({}), true);
    assert.equal(new Matcher(name, '.+', '=~').matches({}), false);
    assert.equal(new Matcher(name, 'x', '!=').matches({}), true);
  });

  it('does not treat a property that every object has as a label', () =>
    assert.equal(new Matcher('constructor', '', '=').matches({}), true));

  const refused: readonly (readonly [string, string])[] = [
    ['[', 'missing closing ]: `[)$`'],
    ['a(', 'missing closing ): `^(?:a()$`'],
    ['(?=x)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['(a)\\1', 'invalid escape sequence: `\\1`'],
    ['*', 'missing argument to repetition operator: `*`'],
  ];
  for (const [expression, problem] of refused) {
    it(`refuses the regular expression ${expression} in Go's words`, () =>
      assert.throws(
        () => new Matcher(name, expression, '=~'),
        (error) => error instanceof MatcherError && error.message === `error parsing regexp: ${problem}`,
      ));
  }

  it('does not match what it cannot decide, negated or not, and reports it', () => {
    const value = 'a'.repeat(3000);
    const told: unknown[] = [];
    for (const type of ['=~', '!~'] as const) {
      const matcher = new Matcher(name, '[ab]*a[ab]{900}', type);
      assert.equal(
        matcher.matches({ [name]: value }, (...undecided) => told.push(...undecided)),
        false,
      );
      assert.deepEqual(told.splice(0), [matcher, value]);
      assert.equal(matcher.matches({ [name]: 'b' }), type === '!~');
    }
  });

  it('takes anything as a value to compare with', () =>
    assert.equal(new Matcher(name, '[', '=').matches({ [name]: '[' }), true));

  it('is never both right and wrong: != and !~ are the opposites of = and =~', () =>
    fc.assert(
      fc.property(fc.stringMatching(/^[abc.|*]*$/), fc.string(), (value, label) => {
        const labels = { [name]: label };
        const says = (type: MatchType): boolean => new Matcher(name, value, type).matches(labels);
        assert.notEqual(says('='), says('!='));
        if (/\*\*|(^|\|)\*/.test(value)) return;
        assert.notEqual(says('=~'), says('!~'));
        assert.equal(says('=~'), new RegExp(`^(?:${value})$`, 'u').test(label));
      }),
    ));

  it('is written as Alertmanager writes it', () => {
    assert.equal(new Matcher('job', 'a"\\\n', '=~').toString(), 'job=~"a\\"\\\\\\n"');
    assert.equal(new Matcher('ключ', 'x\ty', '!=').toString(), 'ключ!="x\ty"');
    assert.equal(new Matcher('a b', 'x\ty', '=').toString(), '"a b"="x\\ty"');
  });
});
