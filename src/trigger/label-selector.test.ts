import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LabelSelectorField, selects } from './label-selector.ts';
import type { LabelSelector } from './trigger.ts';

describe('selects', () => {
  const labels = { app: 'orders', tier: 'db' };
  const rows: readonly (readonly [what: string, selector: LabelSelector, isSelected: boolean])[] = [
    ['everything without a requirement', {}, true],
    ['equal labels', { matchLabels: { app: 'orders', tier: 'db' } }, true],
    ['no other value', { matchLabels: { app: 'orders', tier: 'web' } }, false],
    ['no missing label, even for an empty value', { matchLabels: { other: '' } }, false],
    ['no property that every object has', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
    ['a value in a list', { matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'orders'] }] }, true],
    ['no value outside a list', { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] }, false],
    ['no missing label in a list', { matchExpressions: [{ key: 'x', operator: 'In', values: [''] }] }, false],
    ['a value that is not in a list', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a'] }] }, true],
    ['no value in a list', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['orders'] }] }, false],
    ['a missing label as not in a list', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] }, true],
    ['a label that exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    ['no label that is missing', { matchExpressions: [{ key: 'x', operator: 'Exists' }] }, false],
    ['a label that has to be missing', { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, true],
    ['no label that should be missing', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
    [
      'what meets all requirements only',
      { matchLabels: { app: 'orders' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      false,
    ],
  ];
  for (const [what, selector, isSelected] of rows)
    it(`takes ${what}`, () => assert.equal(selects(selector, labels), isSelected));
});

describe('LabelSelectorField', () => {
  it('reads what Kubernetes takes', () => {
    const selector = {
      matchLabels: { 'tocsin.dev/triggers': 'true' },
      matchExpressions: [
        { key: 'a', operator: 'NotIn', values: ['b', ''] },
        { key: 'c', operator: 'Exists' },
      ],
    };
    assert.deepEqual(LabelSelectorField.parse(selector), selector);
    assert.deepEqual(LabelSelectorField.parse({}), {});
  });

  for (const selector of [
    null,
    { matchLabels: { a: 1 } },
    { matchLabels: { 'a b': 'c' } },
    { matchLabels: { a: 'b c' } },
    { matchExpressions: [{ key: 'a', operator: 'in', values: ['b'] }] },
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
  ])
    it(`refuses ${JSON.stringify(selector)}`, () =>
      assert.equal(LabelSelectorField.safeParse(selector).success, false));
});
