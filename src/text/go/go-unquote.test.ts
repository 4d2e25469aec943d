import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { quote } from './go-quote.ts';
import { unquote } from './go-unquote.ts';

describe('unquote', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['""', ''],
    ['"ключ 😀"', 'ключ 😀'],
    ['"\\a\\b\\f\\n\\r\\t\\v\\\\\\""', '\x07\b\f\n\r\t\v\\"'],
    ['"\\x61\\101\\u00fc\\U0001F600"', 'aAü😀'],
    ['"\\xf0\\x9f\\x98\\x80"', '😀'],
    ['"\\360\\237\\230\\200"', '😀'],
    ['"\\xf0\\x9f"', undefined],
    ['"\\xff"', undefined],
    ['"\udcff"', '\ufffd'],
    ['"\\ud83d\\ude00"', undefined],
    ['"\\U00110000"', undefined],
    ['"\\400"', undefined],
    ['"\\8"', undefined],
    ['"\\x6"', undefined],
    [`"\\'"`, undefined],
    ['"\\"', undefined],
    ['"a"b"', undefined],
    ['"\n"', undefined],
    ['"', undefined],
    ['a', undefined],
  ];
  for (const [quoted, text] of rows) {
    it(`makes ${JSON.stringify(text)} of ${JSON.stringify(quoted)}`, () => assert.equal(unquote(quoted), text));
  }

  it('is the reverse of quote', () =>
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(unquote(quote(text)), text))));
});
