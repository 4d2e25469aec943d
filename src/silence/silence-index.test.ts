import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher } from '../matcher/matcher.ts';
import { RegexpGroup } from './silence-index.ts';
import { testSilence } from './silence.fixture.ts';
import type { Silence } from './silence.ts';

const expressions = ['a', 'b', 'a|b', 'a|b|a', 'b|c\\.d', 'c.d', 'a.*', '.+', '(a|b)', '(?i)A|b'] as const;
const sampleValues = ['a', 'b', 'A', 'c.d', 'cxd', 'ab', 'a|b'] as const;

describe('RegexpGroup', () => {
  it('finds the same as a test of every expression, whatever was added and deleted before', () =>
    fc.assert(
      fc.property(fc.array(fc.record({ id: fc.nat(5), at: fc.nat(expressions.length - 1) })), (steps) => {
        const group = new RegexpGroup();
        const model = new Map<number, readonly [Matcher, Silence]>();
        for (const { id, at } of steps) {
          const before = model.get(id);
          if (before !== undefined) group.delete(...before);
          model.delete(id);
          if (before === undefined) {
            const added = [new Matcher('job', expressions[at]!, '=~'), testSilence(String(id))] as const;
            group.add(...added);
            model.set(id, added);
          }
          for (const value of sampleValues) assert.deepEqual(ids(group.matching(value)), tried(model.values(), value));
        }
        assert.equal(group.isEmpty, model.size === 0);
      }),
    ));

  it('reports a value that is too long for an expression, but not for a list', () => {
    const group = new RegexpGroup();
    for (const [id, expression] of ['x.*', 'x|y'].entries())
      group.add(new Matcher('job', expression, '=~'), testSilence(String(id)));
    const told: string[] = [];
    assert.deepEqual(
      group.matching('x'.repeat(1_000_000), ({ value }) => told.push(value)),
      [],
    );
    assert.deepEqual(told, ['x.*']);
  });
});

function tried(all: Iterable<readonly [Matcher, Silence]>, value: string): string[] {
  return ids([...all].filter(([matcher]) => matcher.matchesValue(value)).map(([, silence]) => silence));
}

function ids(silences: readonly Silence[]): string[] {
  return silences.map(({ id }) => id).toSorted();
}
