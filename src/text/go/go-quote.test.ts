import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quote } from './go-quote.ts';

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
