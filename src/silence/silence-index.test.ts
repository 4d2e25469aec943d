import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { Matcher } from '../matcher/matcher.ts';
import { RegexpGroup, listedValues } from './silence-index.ts';
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

const cases: readonly (readonly [expression: string, values: readonly string[] | undefined])[] = [
  ['api', ['api']],
  ['api|web-2|web 3', ['api', 'web-2', 'web 3']],
  ['10\\.0\\.0\\.5:9100|host\\-1', ['10.0.0.5:9100', 'host-1']],
  ['a\\\\b', ['a\\b']],
  ['', undefined],
  ['a|', undefined],
  ['a||b', undefined],
  ['a\\|b', undefined],
  ['a.b', undefined],
  ['a\\d', undefined],
  ['(a|b)', undefined],
  ['a|b*', undefined],
  ['ä', undefined],
];

describe('listedValues()', () => {
  for (const [expression, values] of cases)
    it(`reads ${JSON.stringify(expression)}`, () => assert.deepEqual(listedValues(expression), values));

  it('gives exactly the values that the expression matches', () =>
    fc.assert(
      fc.property(texts(), fc.array(texts(), { maxLength: 10 }), (expression, others) => {
        const values = listedValues(expression);
        fc.pre(values !== undefined);
        const regexp = RE2JS.compile(`^(?:${expression})$`);
        for (const value of values) assert.ok(regexp.testExact(value), value);
        for (const other of others) assert.equal(regexp.testExact(other), values.includes(other), other);
      }),
    ));
});

function texts(): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
  const piece = fc.oneof(
    fc.constantFrom('a', 'b', '|', '\\.', '.'),
    character,
    character.map((one) => `\\${one}`),
  );
  return fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
}
