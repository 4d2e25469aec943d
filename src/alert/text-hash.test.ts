import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TextHash } from './text-hash.ts';

function hashOf(text: string, before = ''): number {
  const bytes = Buffer.from(`${before}${text}...`);
  return new TextHash(bytes).of(before.length, before.length + text.length);
}

describe('TextHash', () => {
  it('is the same for the same text, wherever it stands', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 4 });
    fc.assert(
      fc.property(text, fc.string({ unit: 'grapheme-ascii' }), (piece, before) => {
        assert.equal(hashOf(piece, before), hashOf(piece));
      }),
    );
  });

  it('is the same for a separate text', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 4 });
    fc.assert(fc.property(text, (piece) => assert.equal(TextHash.of(piece), hashOf(piece))));
    const long = 'x'.repeat(9000);
    assert.equal(TextHash.of(long), hashOf(long, 'before'));
  });

  it('covers the first kilobytes of a long text, and its length', () => {
    const long = 'x'.repeat(100_000);
    assert.equal(TextHash.of(`${long}y`), TextHash.of(`${long}z`));
    assert.notEqual(TextHash.of(`${long}y`), TextHash.of(`${long}zz`));
  });

  it('accepts any text', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(TextHash.of(text), TextHash.of(text) | 0)));
  });

  it('distinguishes texts that differ in one character, at every place', () => {
    const text = '{"alertname":"InstanceDown"}';
    const hashes = Array.from(text, (_, at) => hashOf(`${text.slice(0, at)}~${text.slice(at + 1)}`));
    assert.equal(new Set([hashOf(text), ...hashes]).size, text.length + 1);
  });

  it('has hardly a collision among similar labels', () => {
    const hashes = Array.from({ length: 50_000 }, (_, n) =>
      hashOf(`{"alertname":"A","instance":"10.1.${n}:8080","pod":"p-${n}"}`),
    );
    assert.ok(new Set(hashes).size > 49_990);
  });
});
