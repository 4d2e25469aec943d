import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { labelKey, type LabelSet } from './labels.ts';

/** Few characters, so that texts are often equal or prefixes of each other; some of them are special in a key. */
const character = fc.constantFrom('a', '\0', '"', '\\', '1', '\ufffd', '\ue000', '😀');
const text = fc.string({ unit: character, maxLength: 3 });
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '10', '9', 'alertname'));
const labels = fc.array(fc.tuple(name, text), { maxLength: 4 });

/** Makes every label an own property, even `__proto__`. */
function labelSet(pairs: readonly (readonly [string, string])[]): LabelSet {
  return Object.fromEntries(pairs);
}

function sameLabels(a: LabelSet, b: LabelSet): boolean {
  const left = new Map(Object.entries(a));
  const right = new Map(Object.entries(b));
  return left.size === right.size && [...left].every(([label, value]) => right.get(label) === value);
}

describe('labelKey', () => {
  it('is equal for equal label sets only', () => {
    fc.assert(
      fc.property(labels, labels, (a, b) => {
        const [left, right] = [labelSet(a), labelSet(b)];
        assert.equal(labelKey(left) === labelKey(right), sameLabels(left, right));
      }),
      { numRuns: 20_000 },
    );
  });

  it('changes with every single character', () => {
    fc.assert(
      fc.property(labels, character, character, (list, from, to) => {
        const changed = list.map(([label, value]) => [label, value.replace(from, to)] as const);
        const [left, right] = [labelSet(list), labelSet(changed)];
        assert.equal(labelKey(left) === labelKey(right), sameLabels(left, right));
      }),
      { numRuns: 5000 },
    );
  });

  it('does not depend on the order of the labels', () => {
    fc.assert(
      fc.property(
        labels.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const [left, right] = [labelSet(list), labelSet(shuffled)];
          fc.pre(sameLabels(left, right));
          assert.equal(labelKey(left), labelKey(right));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('distinguishes labels that are alike when written one after the other', () => {
    const alike = [
      { a: 'b\0c\0d' },
      { a: 'b', c: 'd' },
      { a: 'b\0', c: 'd' },
      { a: 'b', '\0c': 'd' },
      { 'a\0b': 'c', d: '' },
      { ab: 'cd' },
      { a: 'bcd' },
    ];
    assert.equal(new Set(alike.map(labelKey)).size, alike.length);
  });

  it('is the text of the labels in a POST of Prometheus', () => {
    const sent = '{"alertname":"InstanceDown","instance":"a:9090","job":"app"}';
    assert.equal(labelKey(JSON.parse(sent) as LabelSet), sent);
  });

  it('sorts names that are numbers, which objects put before all other names', () => {
    assert.equal(labelKey({ b: '1', 10: '2', 9: '3', a: '4' }), '{"10":"2","9":"3","a":"4","b":"1"}');
  });
});
