import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergeAlerts, type Version } from './merge.ts';

const time = fc.integer({ min: 0, max: 3 });
const version: fc.Arbitrary<Version> = fc.record({
  key: fc.constantFrom('{"a":"1"}', '{"a":"2"}', '{"a":"3"}'),
  annotations: fc.oneof(fc.constantFrom('{}', '{"b":"c"}'), fc.constantFrom({}, { b: 'c' })),
  generatorURL: fc.constantFrom('', 'http://p'),
  times: fc.record({ startsAt: time, endsAt: time, updatedAt: time, timeout: fc.boolean() }),
});
/** A replica has each alert once. */
const list = fc.uniqueArray(version, { selector: ({ key }) => key, maxLength: 3 });

function merged(...lists: readonly (readonly Version[])[]): readonly Version[] {
  const steps = mergeAlerts(lists);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return [...step.value.values()];
}

/** As text, by key: an annotation may be kept as a text or as a set. */
function shown(versions: readonly Version[]): readonly string[] {
  const text = ({ annotations, ...rest }: Version): string =>
    JSON.stringify([
      rest.key,
      rest.times,
      rest.generatorURL,
      typeof annotations === 'string' ? annotations : JSON.stringify(annotations),
    ]);
  return versions.map(text).toSorted();
}

describe('mergeAlerts', () => {
  it('gives each alert once, as it was updated last', () => {
    const times = { startsAt: 1, endsAt: 9, timeout: false };
    const at = (key: string, updatedAt: number): Version => ({
      key,
      annotations: '{}',
      generatorURL: '',
      times: { ...times, updatedAt },
    });
    const all = merged([at('a', 1), at('b', 5)], [at('a', 2)], [at('b', 4), at('c', 1)]);
    assert.deepEqual(
      all.map(({ key, times: { updatedAt } }) => [key, updatedAt]),
      [
        ['a', 2],
        ['b', 5],
        ['c', 1],
      ],
    );
  });

  it('does not depend on the order of the replicas', () => {
    fc.assert(fc.property(list, list, (a, b) => assert.deepEqual(shown(merged(a, b)), shown(merged(b, a)))));
  });

  it('does not depend on who merges first', () => {
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        assert.deepEqual(shown(merged(merged(a, b), c)), shown(merged(a, merged(b, c))));
        assert.deepEqual(shown(merged(a, b, c)), shown(merged(merged(a, b), c)));
      }),
    );
  });

  it('changes nothing if a replica answers twice', () => {
    fc.assert(fc.property(list, list, (a, b) => assert.deepEqual(shown(merged(a, b, a)), shown(merged(a, b)))));
    fc.assert(fc.property(list, (a) => assert.deepEqual(shown(merged(a, a)), shown(a))));
  });
});
