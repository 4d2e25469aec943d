import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ForbiddenError, TerminalError } from '../../reconcile/errors.ts';
import { requestKey, type Condition, type ConditionChange } from '../../reconcile/ports.ts';
import type { ObjectNeed, TargetObject } from '../../trigger/ports.ts';
import { ApiError } from '../api/api-error.ts';
import { failure, withoutRight } from '../api/fake-api-client.fixture.ts';
import { targetsBench } from './fake-cluster.fixture.ts';

const cnpg = 'postgresql.cnpg.io/v1';
const clusters = '/apis/postgresql.cnpg.io/v1/namespaces/shop/clusters';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';
const never = new AbortController().signal;
const quiet: Condition = {
  type: 'AlertsQuiet',
  status: 'False',
  reason: 'Down',
  message: '',
  lastTransitionTime: '2026-11-21T03:00:00Z',
};

function need(kind: string, of: ObjectNeed['of'], namespace: string | undefined = 'shop'): ObjectNeed {
  const apiVersion = kind === 'Cluster' ? cnpg : 'apps/v1';
  return { apiVersion, kind, of, ...(namespace !== undefined && { namespace }) };
}

function keys(objects: readonly TargetObject[]): readonly string[] {
  return objects.map(({ request }) => requestKey(request));
}

describe('KubernetesTargets, watching', () => {
  it('asks the API server nothing before a trigger needs something', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    await clock.advanceAsync(600_000);
    targets.require([]);
    await clock.advanceAsync(600_000);
    assert.deepEqual(cluster.calls, []);
    assert.equal(clock.pending(), 0);
  });

  it('watches what is needed, metadata alone where that is enough, and nothing that is only named', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.install('apps/v1', 'Deployment', 'deployments');
    cluster.install('apps/v1', 'StatefulSet', 'statefulsets');
    const needs = [need('Cluster', 'conditions'), need('Deployment', 'metadata'), need('StatefulSet', 'none')];
    targets.require(needs);
    assert.deepEqual(targets.stateOf(needs[0]!), { state: 'pending' });
    await clock.advanceAsync(0);
    assert.deepEqual(cluster.watches, [deployments, clusters]);
    const accepted = cluster.calls.map(
      ({ path, accept = 'all' }) => `${path} ${/PartialObjectMetadata\w*/.exec(accept)?.[0] ?? accept}`,
    );
    assert.deepEqual(
      accepted.filter((call) => call.includes('/shop/')),
      [
        `${clusters} all`,
        `${deployments} PartialObjectMetadataList`,
        `${clusters} all`,
        `${deployments} PartialObjectMetadata`,
      ],
    );
    for (const each of needs) assert.deepEqual(targets.stateOf(each), { state: 'known' });
  });

  it('closes a watch that no trigger needs any more', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install('apps/v1', 'Deployment', 'deployments');
    targets.require([need('Deployment', 'metadata')]);
    await clock.advanceAsync(0);
    assert.equal(cluster.watches.length, 1);
    targets.require([]);
    await clock.advanceAsync(0);
    assert.deepEqual(cluster.watches, []);
    assert.equal(clock.pending(), 0);
  });

  it('tells nothing when the same is needed again: who hears of a state may say so', async (t) => {
    const { cluster, clock, targets, told } = targetsBench(t);
    cluster.install('apps/v1', 'Deployment', 'deployments');
    targets.require([need('Deployment', 'metadata'), need('Cluster', 'none')]);
    await clock.advanceAsync(0);
    const before = told.length;
    assert.ok(before > 0);
    targets.require([need('Cluster', 'none'), need('Deployment', 'metadata'), need('Deployment', 'metadata')]);
    await clock.advanceAsync(0);
    assert.equal(told.length, before);
    const endless = (): void => targets.require([need('Deployment', 'metadata'), need('Cluster', 'conditions')]);
    targets.onChange(endless);
    endless();
    await clock.advanceAsync(600_000);
    assert.ok(told.length < before + 10, `${told.length}`);
  });

  it('selects by labels as Kubernetes does, and tells of what came, changed its labels or went', async (t) => {
    const { cluster, clock, targets, changes } = targetsBench(t);
    cluster.install('apps/v1', 'Deployment', 'deployments');
    for (const [name, app] of [
      ['a', 'orders'],
      ['b', 'billing'],
    ])
      cluster.put(`${deployments}/${name}`, { metadata: { labels: { app } } });
    targets.require([need('Deployment', 'metadata')]);
    await clock.advanceAsync(0);
    const orders = { matchLabels: { app: 'orders' } };
    const select = (selector: object): readonly string[] =>
      keys(targets.select('apps/v1', 'Deployment', 'shop', selector));
    assert.deepEqual(select(orders), ['Deployment.apps/shop/a']);
    assert.deepEqual(select({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['orders'] }] }), [
      'Deployment.apps/shop/b',
    ]);
    assert.equal(select({}).length, 2);
    assert.deepEqual(targets.select('apps/v1', 'Deployment', 'other', {}), []);
    changes.length = 0;
    cluster.put(`${deployments}/b`, { metadata: { labels: { app: 'orders' } } });
    cluster.put(`${deployments}/b`, { metadata: { labels: { app: 'orders' } }, status: { replicas: 1 } });
    cluster.put(`${deployments}/c`, { metadata: {} });
    cluster.delete(`${deployments}/a`);
    await clock.advanceAsync(0);
    assert.deepEqual(changes, [
      'changed Deployment.apps/shop/b',
      'added Deployment.apps/shop/c',
      'removed Deployment.apps/shop/a',
    ]);
    assert.deepEqual(select(orders), ['Deployment.apps/shop/b']);
  });

  it('tells of a condition that went, and of no other change of the status', async (t) => {
    const { cluster, clock, targets, changes } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {}, status: {} });
    targets.require([need('Cluster', 'conditions')]);
    await clock.advanceAsync(0);
    changes.length = 0;
    for (const conditions of [[quiet], [{ ...quiet, status: 'False', reason: 'DbDown' }]])
      cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions } });
    await clock.advanceAsync(0);
    assert.deepEqual(changes, []);
    cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions: [{ ...quiet, type: 'Other' }] } });
    await clock.advanceAsync(0);
    assert.deepEqual(changes, ['changed Cluster.postgresql.cnpg.io/shop/orders']);
  });

  it('knows objects all the time while a trigger comes that needs more of them', async (t) => {
    const { cluster, clock, targets, changes } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions: [quiet] } });
    targets.require([need('Cluster', 'metadata')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    const uid = targets.get(request)?.pipeline.uid;
    targets.require([need('Cluster', 'conditions')]);
    assert.equal(targets.get(request)?.pipeline.uid, uid);
    assert.deepEqual(targets.stateOf(need('Cluster', 'conditions')), { state: 'known' });
    await clock.advanceAsync(0);
    assert.deepEqual(targets.get(request)?.pipeline.conditions, [quiet]);
    assert.deepEqual(cluster.watches, [clusters]);
    assert.deepEqual(changes, ['added Cluster.postgresql.cnpg.io/shop/orders']);
  });

  it('tells what a watch has missed when another one replaces it', async (t) => {
    const { cluster, clock, targets, changes } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    const everywhere = clusters.replace('/namespaces/shop', '');
    for (const name of ['gone', 'new', 'same']) cluster.put(`${clusters}/${name}`, { metadata: {} });
    cluster.put(`${clusters.replace('shop', 'bank')}/other`, { metadata: {} });
    targets.require([{ apiVersion: cnpg, kind: 'Cluster', of: 'metadata' }]);
    await clock.advanceAsync(20_000);
    assert.equal(changes.splice(0).length, 4);
    cluster.before = (call) => {
      if (call.path === everywhere) throw failure(call, 500, 'InternalError');
    };
    cluster.endWatches();
    await clock.advanceAsync(0);
    assert.deepEqual(cluster.watches, []);
    cluster.delete(`${clusters}/gone`);
    cluster.delete(`${clusters}/new`);
    cluster.put(`${clusters}/new`, { metadata: {} });
    targets.require([need('Cluster', 'metadata')]);
    await clock.advanceAsync(0);
    assert.deepEqual(cluster.watches, [clusters]);
    assert.deepEqual(changes, [
      'removed Cluster.postgresql.cnpg.io/shop/gone',
      'added Cluster.postgresql.cnpg.io/shop/new',
    ]);
  });

  it('heals when a kind is installed later, and when it goes and comes again', async (t) => {
    const { cluster, clock, targets, changes } = targetsBench(t);
    const needs = [need('Cluster', 'conditions')];
    targets.require(needs);
    await clock.advanceAsync(0);
    const state = targets.stateOf(needs[0]!);
    assert.ok(state.state === 'unavailable' && state.reason === 'NotInstalled', JSON.stringify(state));
    for (const round of ['first', 'second']) {
      cluster.install(cnpg, 'Cluster', 'clusters');
      cluster.put(`${clusters}/orders`, { metadata: {} });
      await clock.advanceAsync(60_000);
      assert.deepEqual(targets.stateOf(needs[0]!), { state: 'known' }, round);
      assert.deepEqual(changes.splice(0), ['added Cluster.postgresql.cnpg.io/shop/orders']);
      cluster.uninstall(cnpg, 'Cluster');
      await clock.advanceAsync(10_000);
      assert.equal(targets.stateOf(needs[0]!).state, 'unavailable', round);
      assert.deepEqual(changes.splice(0), ['removed Cluster.postgresql.cnpg.io/shop/orders']);
      assert.deepEqual(cluster.watches, []);
    }
  });

  it('says that a kind has no place for conditions, and looks whether it gets one', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters', { status: false });
    const wanted = need('Cluster', 'conditions');
    targets.require([wanted]);
    await clock.advanceAsync(0);
    const state = targets.stateOf(wanted);
    assert.ok(state.state === 'unavailable' && state.reason === 'NoStatus');
    assert.deepEqual(cluster.watches, []);
    cluster.uninstall(cnpg, 'Cluster');
    cluster.install(cnpg, 'Cluster', 'clusters');
    await clock.advanceAsync(60_000);
    assert.deepEqual(targets.stateOf(wanted), { state: 'known' });
  });

  it('names the rule that is missing, and goes on once it is there', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.denied.add('list clusters.postgresql.cnpg.io');
    const wanted = need('Cluster', 'conditions');
    targets.require([wanted]);
    await clock.advanceAsync(0);
    assert.deepEqual(targets.stateOf(wanted), {
      state: 'unavailable',
      reason: 'Forbidden',
      message:
        'Tocsin lacks the right to list clusters.postgresql.cnpg.io in the namespace shop: add the rule {apiGroups: ["postgresql.cnpg.io"], resources: ["clusters"], verbs: ["list", "watch"]} to a role of its ServiceAccount',
      missingRule: { apiGroups: ['postgresql.cnpg.io'], resources: ['clusters'], verbs: ['list', 'watch'] },
    });
    cluster.denied.clear();
    await clock.advanceAsync(30_000);
    assert.deepEqual(targets.stateOf(wanted), { state: 'known' });
    cluster.denied.add('watch clusters.postgresql.cnpg.io');
    await clock.advanceAsync(15_000);
    cluster.endWatches();
    await clock.advanceAsync(2000);
    const state = targets.stateOf(wanted);
    assert.deepEqual(state.state === 'unavailable' && state.missingRule?.verbs, ['watch']);
    cluster.denied.clear();
    await clock.advanceAsync(30_000);
    assert.deepEqual(targets.stateOf(wanted), { state: 'known' });
  });

  it('says that the API server cannot be asked, for the kind or for its objects, and goes on when it can', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    const wanted = need('Cluster', 'conditions');
    const failing = { path: '/apis/postgresql.cnpg.io/v1' };
    const { before } = cluster;
    cluster.before = (call) => {
      if (call.path === failing.path) throw failure(call, 500, 'InternalError');
      before(call);
    };
    targets.require([wanted]);
    await clock.advanceAsync(0);
    const messages = (): string | undefined => {
      const state = targets.stateOf(wanted);
      return state.state === 'unavailable' && state.reason === 'Failed' ? state.message : state.state;
    };
    assert.equal(
      messages(),
      'the API server cannot be asked for the kind Cluster (postgresql.cnpg.io/v1) (500 InternalError)',
    );
    failing.path = clusters;
    await clock.advanceAsync(30_000);
    assert.equal(
      messages(),
      'the objects of the kind Cluster (postgresql.cnpg.io/v1) cannot be listed (500 InternalError)',
    );
    failing.path = '';
    await clock.advanceAsync(30_000);
    assert.equal(messages(), 'known');
  });

  it('leaves nothing open at the end, whatever it was doing', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    targets.require([need('Cluster', 'conditions'), { apiVersion: 'none/v1', kind: 'None', of: 'none' }]);
    await clock.advanceAsync(0);
    const asked = Array.from({ length: 150 }, (_, index) => targets.ownerOf('shop', `p${index}`, undefined, never));
    const settled = Promise.allSettled(asked);
    await clock.advanceAsync(0);
    await targets.close();
    await settled;
    assert.deepEqual([cluster.watches, clock.pending()], [[], 0]);
  });

  it('watches all namespaces at once where many are needed, and single ones where it may not', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install('apps/v1', 'Deployment', 'deployments');
    const namespaces = ['a', 'b', 'c', 'd', 'e', 'f'];
    const needs = namespaces.map((namespace) => need('Deployment', 'metadata', namespace));
    targets.require(needs);
    await clock.advanceAsync(0);
    assert.deepEqual(cluster.watches, ['/apis/apps/v1/deployments']);
    cluster.denied.add('list deployments.apps everywhere').add('watch deployments.apps everywhere');
    targets.require([]);
    await clock.advanceAsync(0);
    targets.require(needs);
    await clock.advanceAsync(60_000);
    assert.equal(cluster.watches.length, namespaces.length);
    for (const each of needs) assert.deepEqual(targets.stateOf(each), { state: 'known' });
    const lists = cluster.calls.filter(
      ({ path, query }) => path === '/apis/apps/v1/deployments' && query?.['limit'] !== undefined,
    );
    assert.equal(lists.length, 2, 'all namespaces are not tried again and again');
  });

  it('opens no more watches than there may be, and says so', async (t) => {
    const { cluster, clock, targets, logger, registry } = targetsBench(t);
    const needs = Array.from({ length: 103 }, (_, index) => {
      cluster.install('g/v1', `Kind${index}`, `kinds${index}`);
      return { apiVersion: 'g/v1', kind: `Kind${index}`, namespace: 'shop', of: 'metadata' } as const;
    });
    targets.require(needs);
    await clock.advanceAsync(0);
    assert.equal(cluster.watches.length, 100);
    const states = needs.map((each) => targets.stateOf(each));
    assert.equal(states.filter(({ state }) => state === 'known').length, 100);
    assert.ok(states.some((state) => state.state === 'unavailable' && state.message.includes('more than 100 watches')));
    assert.deepEqual(logger.valuesOf('target.watches_limited', 'max_watches', 'refused').at(-1), [100, 3]);
    const text = await registry.metrics();
    assert.match(text, /^tocsin_target_watches 100$/m);
    assert.match(text, /^tocsin_target_watches_refused 3$/m);
  });

  it('leaves out objects for which there is no memory, and names them', async (t) => {
    const { cluster, clock, targets, logger } = targetsBench(t, { maxBytes: 4000 });
    cluster.install('apps/v1', 'Deployment', 'deployments');
    for (const name of ['a', 'b', 'c']) cluster.put(`${deployments}/${name}`, { metadata: {} });
    targets.require([need('Deployment', 'metadata')]);
    await clock.advanceAsync(0);
    assert.equal(targets.select('apps/v1', 'Deployment', 'shop', {}).length, 2);
    assert.deepEqual(
      logger.valuesOf('reflector.object_left_out', 'name', 'max_bytes').map(([name]) => name),
      ['c'],
    );
  });

  it('makes requests only of kinds that it knows, and without a namespace for cluster-scoped ones', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install('v1', 'Node', 'nodes', { namespaced: false });
    cluster.install('v1', 'ConfigMap', 'configmaps');
    targets.require(['Node', 'ConfigMap'].map((kind) => ({ apiVersion: 'v1', kind, of: 'none' })));
    assert.equal(targets.requestOf('v1', 'Node', 'shop', 'n1'), undefined);
    await clock.advanceAsync(0);
    assert.deepEqual(targets.requestOf('v1', 'Node', 'shop', 'n1'), { kind: 'Node', name: 'n1' });
    assert.deepEqual(targets.requestOf('v1', 'ConfigMap', 'shop', 'c'), {
      kind: 'ConfigMap',
      namespace: 'shop',
      name: 'c',
    });
    assert.equal(targets.requestOf('v1', 'ConfigMap', undefined, 'c'), undefined);
  });
});

describe('KubernetesTargets, writing', () => {
  it('writes a condition in one call where it is watched, and shows it before the watch does', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions: [], phase: 'healthy' } });
    targets.require([need('Cluster', 'conditions')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    const before = cluster.calls.length;
    assert.equal(await targets.updateConditions(request, () => [quiet], never), true);
    assert.deepEqual(targets.get(request)?.pipeline.conditions, [quiet]);
    assert.deepEqual(cluster.verbs().slice(before), ['PATCH /status']);
    assert.deepEqual(cluster.get(`${clusters}/orders`)?.['status'], { conditions: [quiet], phase: 'healthy' });
  });

  it('reads first an object that is only named, and gives its UID to the Event', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions: [{ ...quiet, type: 'Ready' }] } });
    targets.require([need('Cluster', 'none')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    const { pipeline } = targets.get(request)!;
    assert.deepEqual([pipeline.uid, pipeline.conditions], [undefined, []]);
    const before = cluster.calls.length;
    assert.equal(await targets.updateConditions(request, (found) => [...found, quiet], never), true);
    assert.deepEqual(cluster.verbs().slice(before), ['GET', 'PATCH /status']);
    const { status } = cluster.get(`${clusters}/orders`) as { status: { conditions: object[] } };
    assert.equal(status.conditions.length, 2);
    assert.equal(targets.identified(pipeline).uid, 'uid-1');
  });

  /** A write is done and its answer is lost, while the watch tells nothing. */
  async function afterLostAnswer(t: TestContext, before: readonly Condition[], change: ConditionChange) {
    const bench = targetsBench(t);
    const { cluster, clock, targets } = bench;
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {}, status: { conditions: before, phase: 'healthy' } });
    targets.require([need('Cluster', 'conditions')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    const conditions = change(before)!;
    const onServer = (): unknown =>
      (cluster.get(`${clusters}/orders`)!['status'] as Record<string, unknown>)['conditions'];
    cluster.isMute = true;
    cluster.before = (call) => {
      if (call.method !== 'PATCH') return;
      cluster.put(`${clusters}/orders`, { ...cluster.get(`${clusters}/orders`), status: { conditions } });
      throw new ApiError('reset', { reason: 'Unreachable' });
    };
    await assert.rejects(targets.updateConditions(request, change, never), /reset/);
    cluster.before = () => undefined;
    assert.deepEqual(onServer(), conditions);
    return { ...bench, request, onServer };
  }

  it('removes an entry whose write had no answer, though the watch has not told of it', async (t) => {
    const { targets, request, onServer } = await afterLostAnswer(t, [], (found) => [...found, quiet]);
    const remove: ConditionChange = (found) => (found.length === 0 ? undefined : []);
    assert.equal(await targets.updateConditions(request, remove, never), true);
    assert.deepEqual(onServer(), []);
  });

  it('trusts an object again only when the watch has told what a read has shown', async (t) => {
    const lost = await afterLostAnswer(t, [], (found) => [...found, quiet]);
    const { cluster, clock, targets, request } = lost;
    const isDoubtful = (): boolean | undefined => targets.get(request)?.pipeline.isDoubtful;
    assert.equal(isDoubtful(), true);
    assert.equal(await targets.updateConditions(request, () => undefined, never), false);
    assert.equal(isDoubtful(), true);
    cluster.isMute = false;
    cluster.put(`${clusters}/orders`, cluster.get(`${clusters}/orders`)!);
    await clock.advanceAsync(0);
    assert.equal(isDoubtful(), undefined);
    assert.deepEqual(targets.get(request)?.pipeline.conditions, [quiet]);
  });

  it('does not write into an object that was deleted and created again meanwhile', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    const found = { status: { conditions: [{ ...quiet, reason: 'Old' }] } };
    cluster.put(`${clusters}/orders`, { metadata: {}, ...found });
    targets.require([need('Cluster', 'conditions')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    cluster.delete(`${clusters}/orders`);
    cluster.put(`${clusters}/orders`, { metadata: {}, ...found });
    assert.equal(await targets.updateConditions(request, () => [quiet], never), false);
    assert.equal(await targets.annotate(request, { a: 'b' }, never), false);
    assert.deepEqual(cluster.get(`${clusters}/orders`)?.['status'], found.status);
    await clock.advanceAsync(0);
    assert.equal(await targets.annotate(request, { a: 'b' }, never), true);
  });

  it('annotates the object, or the template of its pods, where there are any', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install('apps/v1', 'Deployment', 'deployments');
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${deployments}/web`, { metadata: {}, spec: { template: { metadata: { labels: { app: 'web' } } } } });
    targets.require([need('Deployment', 'none'), need('Cluster', 'none')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf('apps/v1', 'Deployment', 'shop', 'web')!;
    assert.equal(await targets.annotate(request, { a: 'b' }, never), true);
    assert.equal(
      await targets.annotate(request, { 'kubectl.kubernetes.io/restartedAt': 'now' }, never, 'podTemplate'),
      true,
    );
    const { metadata, spec } = cluster.get(`${deployments}/web`) as { metadata: { annotations: object }; spec: object };
    assert.deepEqual(metadata.annotations, { a: 'b' });
    assert.deepEqual(spec, {
      template: { metadata: { labels: { app: 'web' }, annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } },
    });
    const cluster1 = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    await assert.rejects(targets.annotate(cluster1, { a: 'b' }, never, 'podTemplate'), TerminalError);
    assert.equal(await targets.annotate(cluster1, { a: 'b' }, never), false);
  });

  it('finds out by a write that a kind is gone which nobody watches', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    const named = need('Cluster', 'none');
    targets.require([named]);
    await clock.advanceAsync(60_000);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    assert.equal(await targets.annotate(request, { a: 'b' }, never), false);
    await clock.advanceAsync(0);
    assert.deepEqual(targets.stateOf(named), { state: 'known' });
    cluster.uninstall(cnpg, 'Cluster');
    const before = cluster.calls.length;
    for (let times = 0; times < 10; times++) await targets.annotate(request, { a: 'b' }, never);
    await clock.advanceAsync(0);
    assert.equal(cluster.calls.length, before + 10, 'the kind was asked for a moment ago');
    await clock.advanceAsync(5000);
    await targets.annotate(request, { a: 'b' }, never);
    await clock.advanceAsync(0);
    const state = targets.stateOf(named);
    assert.ok(state.state === 'unavailable' && state.reason === 'NotInstalled');
  });

  it('hears of a missing right from whoever else writes into the same object', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    targets.require([need('Cluster', 'none')]);
    await clock.advanceAsync(0);
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    const cause = withoutRight({ method: 'PATCH', path: clusters }, 'patch', 'clusters', 'postgresql.cnpg.io');
    const refused = new ForbiddenError('refused', clock.now(), { cause });
    await assert.rejects(
      targets.observe(request, 'object', () => Promise.reject(refused)),
      ForbiddenError,
    );
    const state = targets.stateOf(need('Cluster', 'none'));
    assert.deepEqual(state.state === 'unavailable' && state.missingRule?.resources, ['clusters']);
  });

  it('names the right to write that is missing, for those who need it there, until a write succeeds', async (t) => {
    const { cluster, clock, targets } = targetsBench(t);
    cluster.install(cnpg, 'Cluster', 'clusters');
    cluster.put(`${clusters}/orders`, { metadata: {} });
    const [named, watched, elsewhere] = [
      need('Cluster', 'none'),
      need('Cluster', 'conditions'),
      need('Cluster', 'conditions', 'other'),
    ];
    targets.require([named, watched, elsewhere]);
    await clock.advanceAsync(0);
    cluster.denied.add('patch clusters/status.postgresql.cnpg.io');
    const request = targets.requestOf(cnpg, 'Cluster', 'shop', 'orders')!;
    await assert.rejects(
      targets.updateConditions(request, () => [quiet], never),
      ForbiddenError,
    );
    const state = targets.stateOf(watched);
    assert.ok(state.state === 'unavailable' && state.reason === 'Forbidden');
    assert.deepEqual(state.missingRule, {
      apiGroups: ['postgresql.cnpg.io'],
      resources: ['clusters/status'],
      verbs: ['patch'],
    });
    assert.deepEqual([targets.stateOf(named), targets.stateOf(elsewhere)], [{ state: 'known' }, { state: 'known' }]);
    cluster.denied.clear();
    assert.equal(await targets.updateConditions(request, () => [quiet], never), true);
    assert.deepEqual(targets.stateOf(watched), { state: 'known' });
  });
});
