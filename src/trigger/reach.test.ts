import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusedReach, refusedSelection, type AllowedTarget, type ReachedObject } from './reach.ts';

const own: ReachedObject = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'orders', labels: {} };
const foreign: ReachedObject = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  namespace: 'argocd',
  name: 'shop',
  labels: { team: 'shop' },
};
const clusterScoped: ReachedObject = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'MetricPipeline',
  name: 'default',
  labels: {},
};
const team = { namespace: 'shop' };
const application: AllowedTarget = { group: 'argoproj.io', kind: 'Application' };

function mayReach(object: ReachedObject, ...allowed: readonly AllowedTarget[]): boolean {
  return refusedReach(team, object, allowed) === undefined;
}

describe('refusedReach', () => {
  it('lets the triggers of the admin wake anything', () => {
    for (const object of [own, foreign, clusterScoped]) assert.equal(refusedReach({}, object, []), undefined);
  });

  it("lets nobody wake Tocsin's own objects, also not as the owner of a pod", () => {
    const object: ReachedObject = { ...own, apiVersion: 'tocsin.dev/v1alpha1', kind: 'AlertTrigger', name: 'loop' };
    for (const trigger of [team, {}])
      assert.equal(
        refusedReach(trigger, object, [{ group: 'tocsin.dev', kind: 'AlertTrigger' }]),
        "AlertTrigger loop is one of Tocsin's own objects, which no trigger may wake: name another one",
      );
  });

  it('lets a trigger wake what is in its namespace', () => assert.equal(mayReach(own), true));

  it('says why it may not wake what is elsewhere, and what can be done', () => {
    assert.equal(
      refusedReach(team, foreign, []),
      'Application shop is in the namespace argocd, and a trigger of shop may not wake it: the admin can allow it (triggers.allowed_targets), or whoever owns the object with the label tocsin.dev/namespace: shop',
    );
    assert.equal(
      refusedReach(team, clusterScoped, []),
      'MetricPipeline default is in no namespace, and a trigger of shop may not wake it: the admin can allow it (triggers.allowed_targets), or whoever owns the object with the label tocsin.dev/namespace: shop',
    );
  });

  it('lets the label of an object grant it, to the namespace that it names', () => {
    for (const object of [foreign, clusterScoped]) {
      assert.equal(mayReach({ ...object, labels: { 'tocsin.dev/namespace': 'shop' } }), true);
      assert.equal(mayReach({ ...object, labels: { 'tocsin.dev/namespace': 'db' } }), false);
      assert.equal(mayReach({ ...object, labels: undefined }), false);
    }
  });

  const rows: readonly (readonly [what: string, object: ReachedObject, entry: AllowedTarget, may: boolean])[] = [
    ['a kind', foreign, application, true],
    [
      'a kind that is cluster-scoped',
      clusterScoped,
      { group: 'telemetry.kyma-project.io', kind: 'MetricPipeline' },
      true,
    ],
    ['no kind of another group', foreign, { ...application, group: 'example.org' }, false],
    ['no other kind', foreign, { ...application, kind: 'AppProject' }, false],
    ['a namespace of the objects', foreign, { ...application, namespaces: ['argocd'] }, true],
    ['no other namespace', foreign, { ...application, namespaces: ['other'] }, false],
    [
      'no cluster-scoped object with a list of namespaces',
      clusterScoped,
      { group: 'telemetry.kyma-project.io', kind: 'MetricPipeline', namespaces: [''] },
      false,
    ],
    ['labels of the objects', foreign, { ...application, selector: { matchLabels: { team: 'shop' } } }, true],
    ['no other labels', foreign, { ...application, selector: { matchLabels: { team: 'db' } } }, false],
    [
      'no labels that are not known',
      { ...foreign, labels: undefined },
      { ...application, selector: { matchLabels: {} } },
      false,
    ],
    [
      'the core group by its empty name',
      { apiVersion: 'v1', kind: 'Node', name: 'a', labels: {} },
      { group: '', kind: 'Node' },
      true,
    ],
  ];
  for (const [what, object, entry, may] of rows)
    it(`takes ${what} from allowed_targets`, () => assert.equal(mayReach(object, entry), may));

  it('needs one entry that allows it, of several', () => {
    const other = { ...application, kind: 'AppProject' };
    assert.equal(mayReach(foreign, other, application), true);
    assert.equal(mayReach(foreign, other, other), false);
  });
});

describe('refusedSelection', () => {
  const place = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace: 'argocd' };

  it('says that a selector in another namespace selects nothing that a trigger may wake', () => {
    assert.equal(
      refusedSelection('shop', place, []),
      'the selector is for objects of the kind Application in the namespace argocd, and a trigger of shop may wake none of them: the admin can allow it (triggers.allowed_targets), or whoever owns an object with the label tocsin.dev/namespace: shop',
    );
    const { apiVersion, kind } = place;
    assert.match(refusedSelection('shop', { apiVersion, kind }, [])!, /Application in no namespace/);
  });

  it('says nothing where the admin may allow it, by a selector too, and in the own namespace', () => {
    const selector = { matchLabels: { team: 'shop' } };
    assert.equal(refusedSelection('shop', place, [{ ...application, selector }]), undefined);
    assert.equal(refusedSelection('shop', { ...place, namespace: 'shop' }, []), undefined);
    assert.match(refusedSelection('shop', place, [{ ...application, namespaces: ['other'] }])!, /may wake none/);
  });
});
