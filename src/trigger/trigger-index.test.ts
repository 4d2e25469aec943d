import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LabelSet } from '../alert/labels.ts';
import { Matcher } from '../matcher/matcher.ts';
import { newTrigger } from './trigger.fixture.ts';
import { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

function indexOf(...triggers: readonly Trigger[]): TriggerIndex {
  const index = new TriggerIndex('namespace');
  for (const trigger of triggers) index.set(trigger);
  return index;
}

function keysOf(triggers: Iterable<Trigger>): readonly string[] {
  return [...triggers].map(({ key }) => key);
}

const named = (name: string, ...matchers: readonly string[]): Trigger => newTrigger({ matchers }, { name });

describe('TriggerIndex', () => {
  it('finds a trigger of a namespace by alerts of that namespace only', () => {
    const index = indexOf(newTrigger({}, { namespace: 'shop' }), newTrigger({}, { namespace: 'db' }));
    assert.deepEqual(keysOf(index.matching({ namespace: 'shop', alertname: 'A' })), ['alerttrigger/shop/orders-db']);
    assert.deepEqual(keysOf(index.matching({ namespace: 'other', alertname: 'A' })), []);
    assert.deepEqual(keysOf(index.matching({ alertname: 'A' })), []);
  });

  it('finds those of several places, in the order of their keys', () => {
    const index = indexOf(
      named('d'),
      named('c', 'namespace="shop"'),
      named('b', 'alertname="A"'),
      named('a', 'alertname="A"', 'namespace="shop"'),
      named('e', 'alertname="B"'),
      named('f', 'namespace="db"'),
    );
    assert.deepEqual(keysOf(index.matching({ namespace: 'shop', alertname: 'A' })), [
      'file/a',
      'file/b',
      'file/c',
      'file/d',
    ]);
  });

  it('tries every matcher', () => {
    const index = indexOf(named('a', 'alertname="A"', 'severity!="info"', 'job=~"x|y"'));
    assert.equal(index.matching({ alertname: 'A', job: 'x' }).length, 1);
    assert.equal(index.matching({ alertname: 'A', job: 'z' }).length, 0);
    assert.equal(index.matching({ alertname: 'A', job: 'x', severity: 'info' }).length, 0);
  });

  it('treats a missing label as an empty one', () => {
    const index = indexOf(named('a', 'namespace=""', 'alertname=""'), named('b', 'namespace!=""'));
    assert.deepEqual(keysOf(index.matching({ job: 'x' })), ['file/a']);
    assert.deepEqual(keysOf(index.matching({ namespace: 'shop' })), ['file/b']);
  });

  it('matches nothing with two equalities that contradict each other', () => {
    const index = indexOf(named('a', 'alertname="A"', 'alertname="B"'));
    for (const alertname of ['A', 'B']) assert.deepEqual(keysOf(index.matching({ alertname })), []);
  });

  it('does not take a property that every object has for a label', () =>
    assert.deepEqual(keysOf(indexOf(named('a', 'constructor=""')).matching({})), ['file/a']));

  it('is built on the label that the admin names', () => {
    const rules = { namespaceLabel: 'exported_namespace' };
    const index = new TriggerIndex('exported_namespace');
    index.set(newTrigger({}, { namespace: 'shop', rules }));
    assert.equal(index.matching({ exported_namespace: 'shop', namespace: 'db' }).length, 1);
    assert.equal(index.matching({ exported_namespace: 'db', namespace: 'shop' }).length, 0);
  });

  it('matches the same after it was filed by another label', () => {
    const index = indexOf(newTrigger({}, { namespace: 'shop' }), named('a', 'other="x"'));
    index.fileBy('other');
    assert.deepEqual(keysOf(index.matching({ namespace: 'shop', other: 'x' })), [
      'alerttrigger/shop/orders-db',
      'file/a',
    ]);
    index.set(named('a', 'other="y"'));
    assert.deepEqual(keysOf(index.matching({ namespace: 'db', other: 'x' })), []);
    index.fileBy('other');
    assert.equal(index.filedCount, 5);
  });

  it('replaces the trigger of the same key, wherever it was filed', () => {
    const index = indexOf(named('a', 'alertname="A"'), named('a', 'alertname="B"'));
    assert.equal(index.size, 1);
    assert.equal(index.matching({ alertname: 'A' }).length, 0);
    assert.equal(index.matching({ alertname: 'B' }).length, 1);
  });

  it('forgets a trigger', () => {
    const index = indexOf(named('a', 'alertname="A"'), named('b', 'alertname="A"'));
    assert.equal(index.delete('file/a'), true);
    assert.equal(index.delete('file/a'), false);
    assert.equal(index.get('file/a'), undefined);
    assert.deepEqual(keysOf(index.matching({ alertname: 'A' })), ['file/b']);
    assert.deepEqual(keysOf(index.all), ['file/b']);
  });

  it('files one trigger for one that changes', () => {
    const index = indexOf(...Array.from({ length: 50 }, (_, at) => named(`t${at}`)));
    assert.equal(index.filedCount, 50);
    index.set(named('t7', 'alertname="A"'));
    assert.equal(index.filedCount, 51);
    index.delete('file/t8');
    assert.equal(index.filedCount, 51);
  });

  it('tries no trigger of another namespace or another name', () => {
    const foreign = Array.from({ length: 100 }, (_, at) => newTrigger({}, { namespace: `n${at}` }));
    const other = Array.from({ length: 100 }, (_, at) =>
      newTrigger({ matchers: [`alertname="A${at}"`] }, { namespace: 'shop', name: `t${at}` }),
    );
    const index = indexOf(...foreign, ...other);
    let tried = 0;
    const { matchesValue } = Matcher.prototype;
    Matcher.prototype.matchesValue = function count(...given) {
      tried++;
      return matchesValue.apply(this, given);
    };
    try {
      assert.equal(index.matching({ namespace: 'shop', alertname: 'A7' }).length, 1);
    } finally {
      Matcher.prototype.matchesValue = matchesValue;
    }
    assert.equal(tried, 2);
  });

  it('does not match what it cannot decide, and tells it', () => {
    const told: string[] = [];
    const index = new TriggerIndex('namespace', ({ key }, { name }) => told.push(key, name));
    index.set(named('a', 'job=~"[ab]*a[ab]{900}"'));
    assert.deepEqual(index.matching({ job: 'a'.repeat(3000) }), []);
    assert.deepEqual(told, ['file/a', 'job']);
  });

  it('finds the same as a look at every trigger, after any changes of the set', () => {
    const value = fc.constantFrom('', 'a', 'b', 'shop');
    const label = fc.constantFrom('namespace', 'alertname', 'severity');
    const operator = fc.constantFrom('=', '=', '=', '!=', '=~', '!~');
    const matcher = fc.tuple(label, operator, value).map(([name, type, text]) => `${name}${type}"${text}"`);
    const trigger = fc.record({
      name: fc.constantFrom('t1', 't2', 't3', 't4', 't5'),
      namespace: fc.option(fc.constantFrom('a', 'shop'), { nil: undefined }),
      matchers: fc.array(matcher, { maxLength: 4 }),
    });
    const alert = fc.record({ namespace: value, alertname: value, severity: value }, { requiredKeys: [] });
    const change = fc.oneof(
      { weight: 4, arbitrary: trigger.map((set) => ({ set })) },
      { weight: 1, arbitrary: trigger.map((remove) => ({ remove })) },
      { weight: 4, arbitrary: alert.map((labels) => ({ labels })) },
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const index = new TriggerIndex('namespace');
        const naive = new Map<string, Trigger>();
        for (const each of changes) {
          if ('labels' in each) {
            const labels: LabelSet = each.labels;
            const expected = [...naive.values()].filter(({ matchers }) => matchers.every((one) => one.matches(labels)));
            assert.deepEqual(keysOf(index.matching(labels)), keysOf(expected).toSorted());
            continue;
          }
          const { name, namespace, matchers } = 'set' in each ? each.set : each.remove;
          const made = newTrigger({ matchers }, { name, ...(namespace !== undefined && { namespace }) });
          if ('set' in each) {
            index.set(made);
            naive.set(made.key, made);
          } else assert.equal(index.delete(made.key), naive.delete(made.key));
          assert.equal(index.size, naive.size);
        }
      }),
      { numRuns: 500 },
    );
  });
});
