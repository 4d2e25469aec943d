import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { labelKey, type LabelSet } from '../labels.ts';
import { PlainLabelSet } from './plain-label-set.ts';

/** Looks at a text that stands among others. */
function look(text: string): PlainLabelSet | undefined {
  const plain = new PlainLabelSet(Buffer.from(`["x"${text}"}`));
  return plain.fills(4, 4 + text.length) ? plain : undefined;
}

/** The characters that hold a label set together, so that it is often broken, and some that are not plain. */
const piece = fc.constantFrom(
  '{',
  '}',
  '"',
  '":"',
  '","',
  '{"',
  '"}',
  ':',
  ',',
  'a',
  'b',
  'aa',
  'instance',
  '!',
  '\\',
  '\\u0041',
  '\n',
  ' ',
  '5',
);
const broken = fc.array(piece, { maxLength: 12 }).map((pieces) => `{"${pieces.join('')}"}`);
const word = fc.stringMatching(/^[ -!#-[\]-~]{0,3}$/);
const whole = fc
  .dictionary(word, fc.oneof(word, fc.string({ unit: 'grapheme-ascii', maxLength: 3 })), { noNullPrototype: true })
  .map((set) => JSON.stringify(set));

describe('PlainLabelSet', () => {
  it('accepts no text as a key that is not one, and counts its labels', () => {
    let keys = 0;
    fc.assert(
      fc.property(fc.oneof(broken, whole), (text) => {
        const plain = look(text);
        if (plain === undefined || plain.hasEscapes) return;
        const labels = JSON.parse(text) as LabelSet;
        assert.equal(labelKey(labels), text);
        assert.equal(plain.count, Object.keys(labels).length);
        assert.equal(plain.hasEmptyValue, Object.values(labels).includes(''));
        keys++;
      }),
      { numRuns: 20_000 },
    );
    assert.ok(keys > 1000, `${keys} keys`);
  });

  it('finds escapes in values, and refuses an escape in a name', () => {
    assert.equal(look(String.raw`{"a":"\"b"}`)?.hasEscapes, true);
    assert.equal(look(String.raw`{"a":"b\\"}`)?.hasEscapes, true);
    assert.equal(look(String.raw`{"a":"\n","\n":"b"}`), undefined);
    assert.equal(look(String.raw`{"\n":"b"}`), undefined);
  });

  it('sees every character that is not plain, at every place of a long text', () => {
    for (let code = 0; code < 0x80; code++)
      for (let place = 0; place < 12; place++) {
        const character = String.fromCodePoint(code);
        const text = `{"a":"${'~ !#'.repeat(3).slice(0, place)}${character}${'xyz '.repeat(3)}"}`;
        const escaped = text.replace('\\', String.raw`\\`);
        const isPlain = code >= 0x20 && character !== '"';
        assert.equal(look(escaped)?.hasEscapes, isPlain ? character === '\\' : undefined, JSON.stringify(text));
      }
  });

  const taken = ['{"a":"b"}', '{"a":""}', '{"a":"b","aa":"c","b":"d"}', '{"a":"b","a!":"c"}', '{"10":"x","9":"y"}'];
  for (const text of taken) it(`accepts ${text}`, () => assert.equal(look(text)?.hasEscapes, false));

  const left = [
    '{}',
    '{"":"b"}',
    '{"b":"","a":""}',
    '{"a":"","a":""}',
    '{"a":"b",}',
    '{"a": "b"}',
    '{"a":5}',
    '{"a":"b"}}',
    '{"a":"\t"}',
  ];
  for (const text of left)
    it(`leaves to the other readers: ${JSON.stringify(text)}`, () => assert.equal(look(text), undefined));
});
