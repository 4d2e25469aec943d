import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { quote, unquote } from './quote.ts';

describe('quote', () => {
  it('keeps what Go can print', () => assert.equal(quote('ключ x 😀 é́ ¼ €'), '"ключ x 😀 é́ ¼ €"'));

  const written: readonly (readonly [string, string])[] = [
    ['"', '\\"'],
    ['\\', '\\\\'],
    ['\n', '\\n'],
    ['\v', '\\v'],
    ['\u0000', '\\x00'],
    ['\u007f', '\\x7f'],
    ['\u0085', '\\u0085'],
    ['\u00a0', '\\u00a0'],
    ['\u2028', '\\u2028'],
    ['\ue000', '\\ue000'],
    ['\u{e0001}', '\\U000e0001'],
  ];
  for (const [text, escaped] of written) {
    it(`writes ${escaped}`, () => assert.equal(quote(`a${text}b`), `"a${escaped}b"`));
  }
});

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
