import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choose, resolveTargets } from './choose.ts';
import { newTrigger } from './trigger.fixture.ts';
import { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

const alert = {
  labels: { alertname: 'PostgresDown', namespace: 'shop', cluster: 'orders', pod: 'orders-1', path: '../x', empty: '' },
  annotations: { app: 'web' },
  now: 0,
};

function resolved(target: object, namespace?: string): unknown {
  return resolveTargets(newTrigger({ targets: [target] }, namespace === undefined ? {} : { namespace }), alert)[0];
}

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' };
const rule =
  'a DNS-1123 subdomain (lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part), at most 253 characters';

describe('resolveTargets', () => {
  it('gives the object of a name in the namespace of the trigger', () =>
    assert.deepEqual(resolved({ ...deployment, name: 'orders' }, 'shop'), {
      by: 'name',
      ...deployment,
      namespace: 'shop',
      name: 'orders',
    }));

  it('gives an object without a namespace for a trigger without one', () =>
    assert.deepEqual(resolved({ ...deployment, name: 'orders' }), { by: 'name', ...deployment, name: 'orders' }));

  it('renders the name and the namespace for the alert', () =>
    assert.deepEqual(
      resolved({ ...deployment, namespace: '{{ labels.namespace }}', name: '{{ annotations.app }}-{{ labels.pod }}' }),
      { by: 'name', ...deployment, namespace: 'shop', name: 'web-orders-1' },
    ));

  it('takes the namespace of the target before that of the trigger', () =>
    assert.deepEqual(resolved({ ...deployment, namespace: 'db', name: 'a' }, 'shop'), {
      by: 'name',
      ...deployment,
      namespace: 'db',
      name: 'a',
    }));

  it('gives a selector as it stands', () => {
    const selector = { matchLabels: { app: 'orders' } };
    const target = { ...deployment, selector };
    assert.deepEqual(resolved(target, 'shop'), { by: 'selector', ...deployment, namespace: 'shop', selector });
    assert.deepEqual(resolved(target), { by: 'selector', ...deployment, selector });
  });

  it('gives the pod whose owner is meant', () => {
    const pod = '{{ labels.pod }}';
    assert.deepEqual(resolved({ ownerOf: { pod } }, 'shop'), { by: 'owner', namespace: 'shop', pod: 'orders-1' });
    assert.deepEqual(resolved({ ownerOf: { pod, kind: 'Cluster' } }), {
      by: 'owner',
      namespace: 'shop',
      pod: 'orders-1',
      kind: 'Cluster',
    });
  });

  it('does not ask what owns a pod of another namespace for a trigger of one, however the namespace is given', () => {
    const problem = 'the pod is in the namespace db, and a trigger of shop may only ask what owns a pod of shop';
    for (const namespace of ['db', '{{ labels.other }}']) {
      const target = { namespace, ownerOf: { pod: 'orders-1' } };
      const given = newTrigger({ targets: [target] }, { namespace: 'shop' });
      const labels = { ...alert.labels, other: 'db' };
      assert.deepEqual(resolveTargets(given, { ...alert, labels }), [{ by: 'none', problem }]);
    }
  });

  const nothing: readonly (readonly [what: string, target: object, problem: string])[] = [
    [
      'a path',
      { ...deployment, name: '{{ labels.path }}' },
      `"{{ labels.path }}" gives "../x", which is no name of a Deployment: allowed is ${rule}`,
    ],
    [
      'nothing at all',
      { ...deployment, name: '{{ labels.absent }}' },
      `"{{ labels.absent }}" gives nothing, which is no name of a Deployment: allowed is ${rule}`,
    ],
    [
      'a name in capitals',
      { ...deployment, name: '{{ alertname }}' },
      `"{{ alertname }}" gives "PostgresDown", which is no name of a Deployment: allowed is ${rule}`,
    ],
    [
      'no namespace',
      { ...deployment, namespace: '{{ labels.empty }}', name: 'a' },
      '"{{ labels.empty }}" gives nothing, which is no name of a namespace: allowed is a DNS-1123 label (lower-case letters, digits and "-", with a letter or digit at both ends), at most 63 characters',
    ],
    [
      'no pod',
      { ownerOf: { pod: '{{ labels.instance }}' } },
      `"{{ labels.instance }}" gives nothing, which is no name of a Pod: allowed is ${rule}`,
    ],
  ];
  for (const [what, target, problem] of nothing)
    it(`hits nothing and tells it if a template gives ${what}`, () =>
      assert.deepEqual(resolved(target), { by: 'none', problem }));

  it('resolves every other target beside one that hits nothing', () => {
    const trigger = newTrigger({
      targets: [
        { ...deployment, name: '{{ labels.path }}' },
        { ...deployment, name: 'a' },
      ],
    });
    assert.deepEqual(
      resolveTargets(trigger, alert).map(({ by }) => by),
      ['none', 'name'],
    );
  });
});

describe('choose', () => {
  const index = (...triggers: readonly Trigger[]): TriggerIndex => {
    const made = new TriggerIndex('namespace');
    for (const trigger of triggers) made.set(trigger);
    return made;
  };

  it('gives the triggers that match, each with its own targets', () => {
    const one = newTrigger({ targets: [{ ...deployment, name: '{{ labels.cluster }}' }] }, { namespace: 'shop' });
    const other = newTrigger({ matchers: ['alertname=~"Postgres.*"'] }, { name: 'all' });
    const silent = newTrigger({ matchers: ['severity="critical"'] }, { name: 'silent' });
    const foreign = newTrigger({}, { namespace: 'db' });
    const chosen = choose(index(silent, other, foreign, one), alert);
    assert.deepEqual(
      chosen.map(({ trigger, targets }) => [trigger.key, targets.map((target) => 'name' in target && target.name)]),
      [
        ['alerttrigger/shop/orders-db', ['orders']],
        ['file/all', ['orders']],
      ],
    );
  });

  it('chooses nothing without a trigger', () => assert.deepEqual(choose(index(), alert), []));
});
