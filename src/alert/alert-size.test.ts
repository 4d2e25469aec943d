import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert } from './alert.ts';
import { alertSize } from './alert-size.ts';
import { labelKey } from './label-key.ts';
import type { LabelSet } from './label-set.ts';

function alert(labels: LabelSet, annotations: LabelSet = {}, generatorURL = ''): Alert {
  const times = { startsAt: 0, endsAt: 0, updatedAt: 0, timeout: false };
  return new Alert({ key: labelKey(labels), labels, annotations, generatorURL }, times);
}

const texts = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { minKeys: 1, maxKeys: 5 });

describe('alertSize', () => {
  it('counts label texts once, for only the key is kept', () => {
    const empty = alertSize(alert({ a: 'b' }), 1);
    assert.equal(alertSize(alert({ a: `b${'x'.repeat(1000)}` }), 1) - empty, 1000);
  });

  it('counts label texts twice that are kept beside the key, and all others once', () => {
    const empty = alertSize(alert({ a: '"' }), 1);
    assert.equal(alertSize(alert({ a: `"${'x'.repeat(1000)}` }), 1) - empty, 2000);
    assert.equal(alertSize(alert({ a: '"' }, {}, 'x'.repeat(1000)), 1) - empty, 1000);
    const annotated = alertSize(alert({ a: '"' }, { c: '' }), 1);
    assert.equal(alertSize(alert({ a: '"' }, { c: 'x'.repeat(1000) }), 1) - annotated, 1000);
    assert.equal(alertSize(alert({ a: '"' }, { [`c${'x'.repeat(1000)}`]: '' }), 1) - annotated, 1000);
  });

  it('has a price for what has no text', () => {
    const sizes = [{}, { a: '' }, { a: '', b: '' }].map((annotations) => alertSize(alert({ x: 'y' }, annotations), 1));
    assert.ok(sizes[0]! > 300, 'an alert is never free');
    assert.ok(sizes[1]! - sizes[0]! > 32 && sizes[2]! - sizes[1]! > 32, 'nor is a label');
  });

  it('is not less than the texts in it take, in either width', () => {
    fc.assert(
      fc.property(
        texts,
        texts,
        fc.string(),
        fc.constantFrom<1 | 2>(1, 2),
        (labels, annotations, url, characterBytes) => {
          const length = (set: LabelSet): number => Object.entries(set).flat().join('').length;
          const least = characterBytes * (length(labels) + length(annotations) + url.length);
          const size = alertSize(alert(labels, annotations, url), characterBytes);
          assert.ok(size > least);
          assert.ok(size < least + 1000 + 120 * 10, `${size} for ${least} bytes of text`);
        },
      ),
    );
  });
});
