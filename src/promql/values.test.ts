import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readExpression } from './read-expression.ts';
import { outcomeOf } from './values.ts';

function outcome(text: string): string | undefined {
  const read = readExpression(text);
  assert.ok('expression' in read, text);
  return outcomeOf(read.expression);
}

describe('outcomeOf', () => {
  it('knows what is never true', () => {
    for (const text of [
      'count(up) == 0',
      'count(up{job="a"}) < 1',
      'absent(a) == 0',
      'up > 1',
      'up == 2',
      'sum(up) < 0',
      'rate(a[5m]) < 0',
      'vector(0) > 0',
      '1 > count(a)',
      'a > 1 and up < 0',
      '(count(a) == 0) or (up > 1)',
      'max by (job) (up) > 1',
    ])
      assert.equal(outcome(text), 'never', text);
  });

  it('knows what is always true where there is a series', () => {
    for (const text of [
      'up >= 0',
      'rate(a[5m]) >= 0',
      'a > bool 5',
      'vector(1) == 1',
      'up != 2',
      'absent(a) == 1',
      'count(a == 1) > 0',
    ])
      assert.equal(outcome(text), 'always', text);
  });

  it('says nothing about what depends on the metrics', () => {
    for (const text of [
      'up == 0',
      'a > 0',
      'rate(a[5m]) > 0',
      'count(up) < 3',
      'sum(up) == 0',
      'a == b',
      'a and b',
      'count(a) == 0 or vector(1)',
      'a < +Inf',
      'a > -Inf',
      'a != a',
      'a',
      'absent(a)',
      'deriv(a[5m]) < 0',
    ])
      assert.equal(outcome(text), undefined, text);
  });
});
