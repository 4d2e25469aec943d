import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareByBytes } from './byte-order.ts';

const inOrder = [
  '',
  '\0',
  'a',
  'a\0',
  'aa',
  'b',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  '\u{1f601}',
  '\u{10ffff}',
];

describe('compareByBytes', () => {
  it('puts code points above U+FFFF last, unlike the order of code units', () => {
    assert.deepEqual(inOrder.toReversed().sort(compareByBytes), inOrder);
    assert.notDeepEqual(inOrder.toReversed().sort(), inOrder);
  });

  it('agrees with the order of the UTF-8 bytes', () => {
    // few different characters, so that many texts begin alike
    const character = fc.constantFrom(
      'a',
      'b',
      '\u07ff',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{10400}',
      '\u{1f600}',
    );
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: character }));
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareByBytes(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1000 },
    );
  });
});
