import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { showPath, showText, showValue } from './show-value.ts';

describe('showValue', () => {
  const rows: [what: string, value: unknown, shown: string][] = [
    ['a text', 'many', '"many"'],
    ['a text with quotes', 'a "b"', String.raw`"a \"b\""`],
    ['a number', 5.5, '5.5'],
    ['what JSON has no number for', Infinity, 'Infinity'],
    ['null', null, 'null'],
    ['a list', [1, 'a', [true]], '[1,"a",[true]]'],
    ['a map', { a: { b: null }, c: [] }, '{"a":{"b":null},"c":[]}'],
    ['controls', '\u0007\u009b31m\u202e\n', String.raw`"\u0007\u009b31m\u202e\n"`],
  ];
  for (const [what, value, shown] of rows) it(`shows ${what}`, () => assert.equal(showValue(value), shown));

  it('agrees with JSON on short plain values', () => {
    const plain = fc.stringMatching(/^[a-z "\\{]{0,4}$/);
    const value = fc.oneof(
      plain,
      fc.integer(),
      fc.boolean(),
      fc.array(plain, { maxLength: 3 }),
      fc.record({ a: plain }),
    );
    fc.assert(fc.property(value, (found) => assert.equal(showValue(found), JSON.stringify(found))));
  });

  it('shows at most 60 characters, in one line, of anything', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withSparseArray: true }), (value) => {
        const shown = showValue(value);
        assert.ok(shown.length <= 60, shown);
        assert.match(shown, /^[^\p{Cc}\u2028\u2029]*$/u);
      }),
    );
  });

  it('keeps 60 characters as they are and marks what it cuts', () => {
    assert.equal(showValue('x'.repeat(58)), `"${'x'.repeat(58)}"`);
    assert.equal(showValue('x'.repeat(59)), `"${'x'.repeat(58)}…`);
  });

  it('does not write out a value that shares its parts exponentially often', () => {
    let bomb: unknown = ['lol'];
    for (let level = 0; level < 100; level++) bomb = [bomb, bomb, bomb];
    assert.equal(showValue(bomb).length, 60);
  });

  const urls: [what: string, url: string, shown: string][] = [
    ['a password', 'http://user:secret@host/x', '"http://***@host/x"'],
    ['a password with odd characters', 'http://user:se/cr@e?t#@host', '"http://***@host"'],
    ['a password behind a scheme that is none', 'htp//user:secret@host', '"***@host"'],
    ['a password without scheme', 'user:secret@host', '"***@host"'],
    ['a token for a name', 'https://secret@host', '"https://***@host"'],
    ['a password over several lines', 'http://user:se\ncret@host', '"http://***@host"'],
  ];
  for (const [what, url, shown] of urls) it(`masks ${what}`, () => assert.equal(showValue(url), shown));

  it('never shows a password, wherever the URL stands', () => {
    const part = fc.stringMatching(/^[a-z0-9/:?#.-]{0,8}$/);
    fc.assert(
      fc.property(part, part, part, (user, before, after) => {
        const url = `http://${user}:${before}Passw0rd${after}@host`;
        for (const value of [url, [url], { url }, { [url]: 1 }]) assert.doesNotMatch(showValue(value), /Passw0rd/);
      }),
    );
  });
});

describe('showPath', () => {
  it('joins plain keys with dots and quotes the others', () => {
    assert.equal(showPath(['source', 'channel', 'capacity']), 'source.channel.capacity');
    assert.equal(showPath(['a', 'b.c', '', 'http://u:secret@h']), 'a."b.c".""."http://***@h"');
  });
});

describe('showText', () => {
  it('escapes what a terminal obeys, and leaves all else alone', () => {
    assert.equal(showText('Grüße \u001b[31m\n\u{e0001}@'), String.raw`Grüße \u001b[31m\u000a\u{e0001}@`);
  });
});
