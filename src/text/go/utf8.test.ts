import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, compareByBytes } from './utf8.ts';

/** Bytes in a label value, and the value that Alertmanager 0.34.2 showed. */
const recorded: readonly (readonly [bytes: string, text: string])[] = [
  ['61ff62fe63', 'a\ufffdb\ufffdc'],
  ['ff', '\ufffd'],
  ['80', '\ufffd'],
  ['bfbf', '\ufffd\ufffd'],
  ['c2', '\ufffd'],
  ['c080', '\ufffd\ufffd'],
  ['c280', '\u0080'],
  ['dfbf', '\u07ff'],
  ['e4b8', '\ufffd\ufffd'],
  ['e4b861', '\ufffd\ufffda'],
  ['e4b8ad', '中'],
  ['e4c3a9', '\ufffdé'],
  ['e080bf', '\ufffd\ufffd\ufffd'],
  ['e0a080', '\u0800'],
  ['eda080', '\ufffd\ufffd\ufffd'],
  ['ed9fbf', '\ud7ff'],
  ['ee8080', '\ue000'],
  ['efbfbd', '\ufffd'],
  ['efbbbf', '\ufeff'],
  ['f0808080', '\ufffd\ufffd\ufffd\ufffd'],
  ['f0908080', '\u{10000}'],
  ['f09f98', '\ufffd\ufffd\ufffd'],
  ['f09f9861', '\ufffd\ufffd\ufffda'],
  ['f09f9880', '\u{1f600}'],
  ['f0e4b8ad', '\ufffd中'],
  ['f48fbfbf', '\u{10ffff}'],
  ['f4908080', '\ufffd\ufffd\ufffd\ufffd'],
  ['f5808080', '\ufffd\ufffd\ufffd\ufffd'],
];

describe('decodeUtf8', () => {
  for (const [bytes, text] of recorded) {
    it(`reads ${bytes} as ${escape(text)}`, () => {
      assert.equal(decodeUtf8(Buffer.from(bytes, 'hex')), text);
    });
  }

  it('keeps a byte order mark at the beginning, with and without invalid bytes after it', () => {
    assert.equal(decodeUtf8(Buffer.from('efbbbf5b5d', 'hex')), '\ufeff[]');
    assert.equal(decodeUtf8(Buffer.from('efbbbf5bff', 'hex')), '\ufeff[\ufffd');
  });

  it('reads valid input as Buffer.toString does', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(decodeUtf8(Buffer.from(text)), text)));
  });

  it('replaces each byte that belongs to no valid sequence', () => {
    // bytes of few kinds, so that sequences are often nearly right
    const byte = fc.constantFrom(
      0x41,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xe0,
      0xe4,
      0xed,
      0xf0,
      0xf3,
      0xf4,
      0xf5,
    );
    const bytes = fc.oneof(fc.array(byte, { maxLength: 20 }), fc.uint8Array()).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, (input) => assert.equal(decodeUtf8(input), naiveDecode(input))),
      { numRuns: 2000 },
    );
  });
});

/** At each place, decodes the bytes that are valid by themselves: no prefix of a sequence is. */
function naiveDecode(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const slices = [1, 2, 3, 4].map((length) => bytes.subarray(at, at + length));
    const sequence = slices.find((slice) => isUtf8(slice));
    text += sequence === undefined ? '\ufffd' : sequence.toString();
    at += sequence?.length ?? 1;
  }
  return text;
}

/** Escapes all but ASCII, for names of tests. */
function escape(text: string): string {
  return text.replaceAll(/[^ -~]/gu, (character) => `U+${character.codePointAt(0)!.toString(16)} `).trim();
}

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
