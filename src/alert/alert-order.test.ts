import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareInGroup, compareLabelSets } from './alert-order.ts';
import type { LabelSet } from './label-set.ts';

function isOrdered(compare: (a: LabelSet, b: LabelSet) => number, sets: readonly LabelSet[]): void {
  for (const [index, a] of sets.entries()) {
    for (const [other, b] of sets.entries())
      assert.equal(Math.sign(compare(a, b)), Math.sign(index - other), JSON.stringify([a, b]));
  }
}

describe('compareLabelSets', () => {
  it('puts fewer labels first, then the greater names, then the smaller values, in the order of bytes', () =>
    isOrdered(compareLabelSets, [
      {},
      { b: 'a' },
      { a: 'x' },
      { a: 'y' },
      { a: '\uffff' },
      { a: '😀' },
      { b: 'a', c: 'a' },
      { c: 'y', a: 'x' },
      { a: 'x', b: 'x' },
      { a: 'y', b: 'a' },
    ]));
});

describe('compareInGroup', () => {
  it('looks at job and instance first, and puts those without them last', () =>
    isOrdered(compareInGroup, [
      { job: 'a', instance: '1', z: 'z', y: 'y' },
      { job: 'a', instance: '2' },
      { job: 'a' },
      { job: 'b', instance: '1' },
      { instance: '1' },
      { instance: '1', a: 'a' },
      { z: 'z' },
      { a: 'a' },
    ]));
});
