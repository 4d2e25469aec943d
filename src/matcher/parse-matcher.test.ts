import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher, type MatchType } from './matcher.ts';
import { parseMatcher, parseMatchers } from './parse-matcher.ts';

/** Recorded from Alertmanager 0.34.2. */
const read: readonly (readonly [text: string, name: string, type: MatchType, value: string])[] = [
  ['foo=bar', 'foo', '=', 'bar'],
  ['foo="bar"', 'foo', '=', 'bar'],
  [' foo = bar ', 'foo', '=', 'bar'],
  ['foo=', 'foo', '=', ''],
  ['foo=""', 'foo', '=', ''],
  ["foo='x'", 'foo', '=', "'x'"],
  ['foo!=bar', 'foo', '!=', 'bar'],
  ['foo=~bar', 'foo', '=~', 'bar'],
  ['foo!~"b.*"', 'foo', '!~', 'b.*'],
  ['foo=~~x', 'foo', '=~', '~x'],
  ['foo=a,b', 'foo', '=', 'a,b'],
  ['foo=a b\n', 'foo', '=', 'a b'],
  ['foo=a\vb\v', 'foo', '=', 'a\vb\v'],
  ['foo="\\n\\\\\\"\\t"', 'foo', '=', '\n\\"\\t'],
  ['foo=\\', 'foo', '=', '\\'],
  ['foo="\\xf0\\x9f\\x98\\x80"', 'foo', '=', '\\xf0\\x9f\\x98\\x80'],
  ['a:b=c', 'a:b', '=', 'c'],
  ['a.b=c', 'a.b', '=', 'c'],
  ['a.b=c,', 'a.b', '=', 'c'],
  ['9=c', '9', '=', 'c'],
  ['"ключ x"="y"', 'ключ x', '=', 'y'],
  ['"ключ x"="\\u00fc\\t"', 'ключ x', '=', 'ü\t'],
  ['""=x', '', '=', 'x'],
  ['"\\xf0\\x9f\\x98\\x80" =~ .+', '😀', '=~', '.+'],
  ['foo=\udcff', 'foo', '=', '\udcff'],
];

const refused: readonly (readonly [text: string, problem: string])[] = [
  ['', 'bad matcher format: '],
  ['foo', 'bad matcher format: foo'],
  ['foo!bar', 'bad matcher format: foo!bar'],
  ['=x', 'bad matcher format: =x'],
  ['a.b=', 'bad matcher format: a.b='],
  ['a.b=c d', 'bad matcher format: a.b=c d'],
  ['a.b=c,,', 'bad matcher format: a.b=c,,'],
  ['a.b=c,d=e', 'bad matcher format: a.b=c,d=e'],
  ['\ufefffoo=x y', 'bad matcher format: \ufefffoo=x y'],
  ['{foo="bar"}', 'unexpected open or close brace: {foo="bar"}'],
  ['foo={bar}', 'unexpected open or close brace: foo={bar}'],
  ['foo=~[', 'error parsing regexp: missing closing ]: `[)$`'],
  ['a.b=~[', 'bad matcher format: a.b=~['],
  ['foo=="x"', 'matcher value contains unescaped double quote: ="x"'],
  ['foo="', 'matcher value contains unescaped double quote: "'],
  ['foo="x', 'matcher value contains unescaped double quote: "x'],
  ['foo="a"b"', 'matcher value contains unescaped double quote: "a"b"'],
  ['foo=x"', 'matcher value contains unescaped double quote: x"'],
  ['foo="\udcff x', 'matcher value not valid UTF-8: "\udcff x'],
];

describe('parseMatcher', () => {
  for (const [text, name, type, value] of read) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const matcher = parseMatcher(text);
      assert.deepEqual([matcher.name, matcher.type, matcher.value], [name, type, value]);
    });
  }

  for (const [text, message] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseMatcher(text), { name: 'MatcherError', message }));
  }

  it('reads every matcher that it has written', () => {
    // Without quotes around such a name, only the classic grammar resolves escapes in the value.
    const name = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((text) => /^[a-z_:]\w*$/i.test(text) || /[ {}"]/.test(text));
    const type = fc.constantFrom<MatchType[]>('=', '!=');
    fc.assert(
      fc.property(name, type, fc.string({ unit: 'binary' }), (...parts) => {
        const [matcherName, matchType, value] = parts;
        const matcher = parseMatcher(new Matcher(matcherName, value, matchType).toString());
        assert.deepEqual([matcher.name, matcher.type, matcher.value], parts);
      }),
    );
  });

  it('takes time that grows with the length of the text alone', () => {
    for (const text of [
      ' '.repeat(1e6),
      `foo=${' '.repeat(1e6)}x${' '.repeat(1e6)}`,
      `"${'\\"'.repeat(1e6)}`,
      `foo="${'\\'.repeat(1e6)}`,
    ])
      assert.doesNotThrow(() => {
        try {
          parseMatcher(text);
        } catch (error) {
          assert.equal((error as Error).name, 'MatcherError');
        }
      });
  });
});

/** Recorded from `amtool config routes show` of 0.34.2, with the text as the one entry of `matchers`; undefined: refused. */
const lists: readonly (readonly [text: string, matchers: string | undefined])[] = [
  ['', ''],
  [' ', ''],
  ['{}', ''],
  ['{', ''],
  ['}', ''],
  [',', undefined],
  ['a=b', 'a="b"'],
  ['a=b,', 'a="b"'],
  ['a=b,,', undefined],
  ['a="b",c=~"d.*"', 'a="b" c=~"d.*"'],
  ['{a="b",c!="d"}', 'a="b" c!="d"'],
  ['{a=b', 'a="b"'],
  ['a=b}', 'a="b"'],
  ['a="b,c",d=e', 'a="b,c" d="e"'],
  ['a.b=c,d=e', 'a.b="c" d="e"'],
  ['{a.b=c,d=e,}', 'a.b="c" d="e"'],
  ['a.b=c,d', undefined],
  ['a.b=c d=e', undefined],
  ['{a.b=c,,}', undefined],
  ['{a.b=c', undefined],
  ['a="x\\",y",b=c', 'a="x\\",y" b="c"'],
  ['a="x\\\\",b=c', 'a="x\\\\" b="c"'],
  ['a="x\\,",b="c"', undefined],
  ['a=b , c=d', 'a="b" c="d"'],
  [' { a=b } ', 'a="b"'],
  ['🙂="b",c=d', '🙂="b" c="d"'],
  ['a=b,"c.d"=e', 'a="b" c.d="e"'],
  ['a=b,\u00a0', 'a="b"'],
  ['a=b\u0085', 'a="b"'],
  ['a=b,c=~[', undefined],
  ['a=b,=c', undefined],
  ['{{a=b}}', undefined],
  ['{a="b"},', undefined],
  [',a=b', undefined],
  ['{,a=b}', undefined],
];

describe('parseMatchers', () => {
  for (const [text, matchers] of lists) {
    if (matchers === undefined)
      it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseMatchers(text), { name: 'MatcherError' }));
    else it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseMatchers(text).join(' '), matchers));
  }

  it('reads every list that it has written', () => {
    const matcher = fc
      .tuple(fc.constantFrom('a', 'b.c', 'd e'), fc.string({ unit: 'binary' }))
      .map(([name, value]) => new Matcher(name, value, '=').toString())
      // Without quotes around such a name, only the classic grammar resolves escapes in the value.
      .filter((text) => !/^b\.c="[^"]*\\/.test(text));
    fc.assert(
      fc.property(fc.array(matcher), (matchers) =>
        assert.deepEqual(parseMatchers(matchers.join(',')).map(String), matchers),
      ),
    );
  });
});
