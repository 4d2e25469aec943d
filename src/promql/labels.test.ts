import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { labelsOf } from './labels.ts';
import { readExpression } from './read-expression.ts';

function shown(text: string): string {
  const read = readExpression(text);
  assert.ok('expression' in read, text);
  const { kind, names } = labelsOf(read.expression);
  return [kind, ...names].join(' ');
}

describe('labelsOf', () => {
  it('says which labels a result may have', () => {
    const expected: Readonly<Record<string, string>> = {
      'up{job="a"}': 'all but',
      'rate(a[5m]) * 2 > 1': 'all but',
      'sum(a)': 'only',
      'sum by (b, c) (a)': 'only b c',
      'max without (b) (a)': 'all but b',
      'sum by (b) (max without (b, c) (a))': 'only',
      'topk by (b) (1, a)': 'all but',
      'count_values("b", a)': 'only b',
      'histogram_quantile(0.9, sum by (le, b) (rate(a[5m])))': 'only b',
      'absent(up{job="a", b!="c"})': 'only job',
      'absent(sum(up))': 'only',
      'label_replace(sum(a), "b", "$1", "c", "(.*)")': 'only b',
      'vector(1)': 'only',
      'time() - a': 'all but',
      'a / on (b) c': 'only b',
      'a / ignoring (b) c': 'all but b',
      'a * on (b) group_left (c) sum by (b, c) (d)': 'all but',
      'sum by (b) (a) * on (b) group_left (c) d': 'only b c',
      'a * on (b) group_right (c) sum by (b) (d)': 'only b c',
      'sum by (b) (a) and on (b) c': 'only b',
      'sum by (b) (a) or sum by (c) (d)': 'only b c',
      'sum by (b) (a) or d': 'all but',
      'max_over_time(sum by (b) (a)[1h:])': 'only b',
      '-sum by (b) (a) unless c': 'only b',
    };
    for (const [text, labels] of Object.entries(expected)) assert.equal(shown(text), labels, text);
  });
});
