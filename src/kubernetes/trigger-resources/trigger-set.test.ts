import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { allNamespaces, compile, triggerObject } from './trigger-object.fixture.ts';
import { TriggerSet, type TriggerSources } from './trigger-set.ts';
import type { TriggerObject } from './trigger-object.ts';

const bad = { matchers: ['severity=~"["'] };
const optedOut = { 'openshift.io/user-monitoring': 'false' };

/** A set, and what it has told last of each trigger: `accepted`, the reason of a refusal, `pending`, or nothing once it is removed. */
function bench(sources: Partial<TriggerSources> = {}) {
  const settings: { -readonly [Key in keyof TriggerSources]: TriggerSources[Key] } = { ...allNamespaces, ...sources };
  const told = new Map<string, string>();
  const messages = new Map<string, string>();
  const compiled: string[] = [];
  const set = new TriggerSet({
    sources: () => settings,
    compile: (object) => {
      compiled.push(object.name);
      return compile(object);
    },
    onVerdict: ({ key }, verdict) => {
      told.set(key, verdict === undefined ? 'pending' : verdict.accepted ? 'accepted' : verdict.reason);
      messages.set(key, verdict?.accepted === false ? verdict.message : '');
    },
    onRemoved: ({ key }) => void told.delete(key),
  });
  const of = (name: string): string | undefined => told.get(`alerttrigger/shop/${name}`);
  const add = (name: string, made: Parameters<typeof triggerObject>[1] = {}): void =>
    set.setTrigger(triggerObject(name, { namespace: 'shop', ...made }));
  return {
    set,
    settings,
    told,
    messages,
    compiled,
    of,
    add,
  };
}

function reconfigure(set: TriggerSet, isReadAnew = false): void {
  for (const _ of set.reconfigure(isReadAnew));
}

describe('which triggers are in force', () => {
  it('one of the cluster is, wherever triggers are taken from', () => {
    const { set, told } = bench({ from: 'none' });
    set.setTrigger(triggerObject('all'));
    assert.deepEqual([...told], [['clusteralerttrigger/all', 'accepted']]);
  });

  it('one of a namespace waits until the labels of its namespace are known', () => {
    const { set, of, add } = bench();
    add('orders');
    assert.equal(of('orders'), 'pending');
    set.setNamespace('shop', {});
    assert.equal(of('orders'), 'accepted');
  });

  const cases: readonly (readonly [
    what: string,
    sources: Partial<TriggerSources>,
    labels: Record<string, string>,
    reason: string,
    message: RegExp,
  ])[] = [
    ['none are taken', { from: 'none' }, {}, 'NamespaceNotSelected', /triggers\.from_namespaces: none/],
    [
      'the selector does not match',
      { from: 'labelled' },
      {},
      'NamespaceNotSelected',
      /the namespace shop do not match triggers\.namespace_selector/,
    ],
    [
      'its namespace is excluded',
      { excluded: ['bank', 'shop'] },
      {},
      'NamespaceExcluded',
      /triggers\.exclude_namespaces/,
    ],
    ['its namespace opts out', {}, optedOut, 'NamespaceOptedOut', /label openshift\.io\/user-monitoring=false/],
    [
      'its namespace opts out, though it is selected',
      { from: 'labelled' },
      { ...optedOut, 'tocsin.dev/triggers': 'true' },
      'NamespaceOptedOut',
      /opts out/,
    ],
  ];
  for (const [what, sources, labels, reason, message] of cases)
    it(`not if ${what}, and its spec is not even read`, () => {
      const { set, of, add, messages, compiled } = bench(sources);
      set.setNamespace('shop', labels);
      add('orders');
      assert.equal(of('orders'), reason);
      assert.match(messages.get('alerttrigger/shop/orders') ?? '', message);
      assert.deepEqual(compiled, []);
    });

  it('one of a labelled namespace is', () => {
    const { set, of, add } = bench({ from: 'labelled' });
    add('orders');
    set.setNamespace('shop', { 'tocsin.dev/triggers': 'true' });
    assert.equal(of('orders'), 'accepted');
  });

  it('a label ends all triggers of a namespace at once, and without it they are back', () => {
    const { set, of, add } = bench();
    set.setNamespace('shop', {});
    add('one');
    add('two');
    set.setNamespace('shop', optedOut);
    assert.deepEqual([of('one'), of('two')], ['NamespaceOptedOut', 'NamespaceOptedOut']);
    set.setNamespace('shop', { 'openshift.io/user-monitoring': 'true' });
    assert.deepEqual([of('one'), of('two')], ['accepted', 'accepted']);
  });

  it('none whose namespace may not be read, and it is told what right is missing', () => {
    const { set, of, add, messages } = bench();
    add('orders');
    set.namespaceTrouble = 'grant namespaces';
    assert.equal(of('orders'), 'NamespacesUnknown');
    assert.equal(messages.get('alerttrigger/shop/orders'), 'grant namespaces');
    set.namespaceTrouble = undefined;
    assert.equal(of('orders'), 'pending');
  });

  it('a bad one is not, its last good form is not kept, and no other is concerned', () => {
    const { set, of, add, messages } = bench();
    set.setNamespace('shop', {});
    add('orders');
    add('other');
    add('orders', { generation: 2, spec: bad });
    assert.deepEqual([of('orders'), of('other')], ['InvalidTrigger', 'accepted']);
    assert.match(messages.get('alerttrigger/shop/orders') ?? '', /^spec\.matchers\[0\]: found "severity=~/);
    add('orders', { generation: 3 });
    assert.equal(of('orders'), 'accepted');
  });

  it('names at most ten problems of one trigger, and counts the others', () => {
    const { set, add, messages } = bench();
    set.setNamespace('shop', {});
    add('orders', { spec: { matchers: Array.from({ length: 14 }, () => '=') } });
    assert.match(messages.get('alerttrigger/shop/orders') ?? '', /spec\.matchers\[9\].*; 4 more$/s);
  });

  it('those that are the oldest, up to the limit of a namespace; when one goes, the next takes its place', () => {
    const { set, of, add } = bench();
    set.setNamespace('shop', {});
    add('third', { createdAt: '2026-11-21T00:00:03Z' });
    add('second', { createdAt: '2026-11-21T00:00:02Z' });
    assert.deepEqual([of('second'), of('third')], ['accepted', 'accepted']);
    add('first', { createdAt: '2026-11-21T00:00:01Z' });
    assert.deepEqual([of('first'), of('second'), of('third')], ['accepted', 'accepted', 'TooManyTriggers']);
    set.removeTrigger(triggerObject('first', { namespace: 'shop' }));
    assert.deepEqual([of('first'), of('second'), of('third')], [undefined, 'accepted', 'accepted']);
  });

  it('one that was deleted and created again is another', () => {
    const { set, of, add, compiled } = bench();
    set.setNamespace('shop', {});
    add('orders', { uid: 'a' });
    add('orders', { uid: 'b', spec: bad });
    assert.equal(of('orders'), 'InvalidTrigger');
    assert.equal(compiled.length, 2);
  });
});

describe('a spec is read', () => {
  it('once for each change of it, and no other one with it', () => {
    const { set, add, compiled } = bench({ maxPerNamespace: 100 });
    set.setNamespace('shop', {});
    for (let index = 0; index < 20; index++) add(`t${index}`);
    assert.equal(compiled.length, 20);
    add('t7', { generation: 2 });
    assert.deepEqual(compiled.slice(20), ['t7']);
  });

  it('not again when only the status or a label has changed', () => {
    const { set, add, compiled } = bench();
    set.setNamespace('shop', {});
    add('orders');
    add('orders', { resourceVersion: '2', status: { counts: { runs: 3 } } });
    set.setNamespace('shop', { team: 'a' });
    assert.equal(compiled.length, 1);
  });

  it('again when the rules of the admin have changed, and not when only the namespaces have', () => {
    const { set, settings, add, of, compiled } = bench();
    set.setNamespace('shop', {});
    add('orders');
    reconfigure(set, true);
    assert.equal(compiled.length, 2);
    settings.from = 'none';
    reconfigure(set);
    assert.equal(of('orders'), 'NamespaceNotSelected');
    assert.equal(compiled.length, 2);
  });
});

/** What is in force, by a second look at everything. */
function naive(
  triggers: ReadonlyMap<string, TriggerObject>,
  labels: ReadonlyMap<string, Record<string, string>>,
  sources: TriggerSources,
) {
  const states = new Map<string, string>();
  for (const object of triggers.values()) {
    const { namespace = '' } = object;
    const found = labels.get(namespace);
    const older = [...triggers.values()].filter(
      (other) =>
        other.namespace === namespace && `${other.createdAt} ${other.name}` < `${object.createdAt} ${object.name}`,
    ).length;
    const state = sources.excluded.includes(namespace)
      ? 'NamespaceExcluded'
      : found === undefined
        ? 'pending'
        : found['openshift.io/user-monitoring'] === 'false'
          ? 'NamespaceOptedOut'
          : older >= sources.maxPerNamespace
            ? 'TooManyTriggers'
            : 'problems' in compile(object)
              ? 'InvalidTrigger'
              : 'accepted';
    states.set(object.key, state);
  }
  return states;
}

it('is at every moment what a second look at all triggers and namespaces would say', () => {
  const namespace = fc.constantFrom('shop', 'bank', 'kube-system');
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({
      do: fc.constant('set' as const),
      namespace,
      name,
      generation: fc.integer({ min: 1, max: 3 }),
      isBad: fc.boolean(),
      createdAt: fc.constantFrom('2026-11-21T00:00:01Z', '2026-11-21T00:00:02Z'),
    }),
    fc.record({ do: fc.constant('remove' as const), namespace, name }),
    fc.record({ do: fc.constant('label' as const), namespace, isOut: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { set, told, settings } = bench();
      const triggers = new Map<string, TriggerObject>();
      const labels = new Map<string, Record<string, string>>();
      let made = 0;
      for (const each of steps) {
        const key = 'name' in each ? `alerttrigger/${each.namespace}/${each.name}` : '';
        if (each.do === 'label') {
          const found = each.isOut ? optedOut : {};
          labels.set(each.namespace, found);
          set.setNamespace(each.namespace, found);
        } else if (each.do === 'remove') {
          const object = triggers.get(key);
          if (object === undefined) continue;
          triggers.delete(key);
          set.removeTrigger(object);
        } else {
          // A spec belongs to one generation, and a time of creation to one uid.
          const before = triggers.get(key);
          const generation = (before?.generation ?? 0) + each.generation;
          const { uid = `uid-${++made}`, createdAt = each.createdAt } = before ?? {};
          const object = triggerObject(each.name, { ...each, uid, createdAt, generation, spec: each.isBad ? bad : {} });
          triggers.set(key, object);
          set.setTrigger(object);
        }
        assert.deepEqual(new Map([...told].toSorted()), new Map([...naive(triggers, labels, settings)].toSorted()));
      }
    }),
  );
});
