import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { requestKey } from '../../reconcile/ports.ts';
import { targetsBench } from './fake-cluster.fixture.ts';

const never = new AbortController().signal;

interface Owner {
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
}

const pod: Owner = { path: '/api/v1/namespaces/shop/pods/web-1-a', apiVersion: 'v1', kind: 'Pod' };
const replicaSet: Owner = {
  path: '/apis/apps/v1/namespaces/shop/replicasets/web-1',
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
};
const deployment: Owner = {
  path: '/apis/apps/v1/namespaces/shop/deployments/web',
  apiVersion: 'apps/v1',
  kind: 'Deployment',
};
const webShop: Owner = {
  path: '/apis/example.org/v1/namespaces/shop/webshops/main',
  apiVersion: 'example.org/v1',
  kind: 'WebShop',
};
const region: Owner = { path: '/apis/example.org/v1/regions/north', apiVersion: 'example.org/v1', kind: 'Region' };

/** A pod, and what owns it, from the pod upwards. */
function bench(t: TestContext, chain: readonly Owner[] = [pod, replicaSet, deployment, webShop]) {
  const all = targetsBench(t);
  const { cluster, clock, targets } = all;
  cluster.install('apps/v1', 'ReplicaSet', 'replicasets');
  cluster.install('apps/v1', 'Deployment', 'deployments');
  cluster.install('example.org/v1', 'WebShop', 'webshops');
  cluster.install('example.org/v1', 'Region', 'regions', { namespaced: false });
  const own = (owned: Owner, owner: Owner | undefined, controller = true): void => {
    const { uid } = ((owner && cluster.get(owner.path)?.['metadata']) ?? {}) as { uid?: string };
    const name = owner?.path.split('/').at(-1);
    const ref = owner && { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller };
    const labels = { kind: owned.kind };
    cluster.put(owned.path, { metadata: { labels, ...(ref && { ownerReferences: [ref] }) } });
  };
  for (const [index, owned] of chain.toReversed().entries()) own(owned, index === 0 ? undefined : chain.at(-index));
  const ask = async (kind?: string, name = 'web-1-a'): Promise<string> => {
    const asked = targets.ownerOf('shop', name, kind, never);
    await clock.advanceAsync(20_000);
    const answer = await asked;
    if (answer.owner === undefined) return answer.reason;
    return `${requestKey(answer.owner.request)}${answer.fromMemory ? ' from memory' : ''}`;
  };
  const reads = (): readonly string[] =>
    cluster.calls
      .filter(({ path }) => /(?:pods|sets|deployments|webshops|regions)\//.test(path))
      .map(({ path }) => path);
  return { ...all, own, ask, reads };
}

describe('ownerOf', () => {
  it('goes to the custom resource above the Deployment above the ReplicaSet, in metadata-only reads', async (t) => {
    const { ask, cluster, reads, targets } = bench(t);
    assert.equal(await ask(), 'WebShop.example.org/shop/main');
    assert.deepEqual(
      reads(),
      [pod, replicaSet, deployment, webShop].map(({ path }) => path),
    );
    const kinds = cluster.calls
      .filter(({ path }) => reads().includes(path))
      .map(({ accept }) => accept?.includes('PartialObjectMetadata'));
    assert.deepEqual(kinds, [true, true, true, true]);
    const found = targets.get({ kind: 'WebShop', group: 'example.org', namespace: 'shop', name: 'main' });
    assert.deepEqual([found?.labels, found?.pipeline.uid], [{ kind: 'WebShop' }, 'uid-1']);
  });

  it('stops at the first owner of the wanted kind, and says when there is none', async (t) => {
    const { ask } = bench(t);
    assert.equal(await ask('Deployment'), 'Deployment.apps/shop/web');
    assert.equal(await ask('StatefulSet'), 'no StatefulSet is among the owners of the pod shop/web-1-a');
  });

  it('gives a cluster-scoped top without a namespace', async (t) => {
    const { ask } = bench(t, [pod, replicaSet, region]);
    assert.equal(await ask(), 'Region.example.org/north');
  });

  it('reads an object once for all who ask at a time, not again for a minute, and a pod that has an owner for an hour', async (t) => {
    const { ask, clock, reads, targets } = bench(t);
    const asked = Array.from({ length: 20 }, () => targets.ownerOf('shop', 'web-1-a', undefined, never));
    await clock.advanceAsync(0);
    await Promise.all(asked);
    assert.equal(reads().length, 4);
    await ask();
    assert.equal(reads().length, 4);
    await clock.advanceAsync(60_000);
    await ask();
    assert.equal(reads().length, 7);
    await clock.advanceAsync(3_600_000);
    await ask();
    assert.equal(reads().length, 11);
  });

  it('reads a pod again when its owner is gone: another one may have its name', async (t) => {
    const { ask, clock, cluster, own } = bench(t, [pod, replicaSet]);
    assert.equal(await ask(), 'ReplicaSet.apps/shop/web-1');
    cluster.delete(replicaSet.path);
    own(deployment, undefined);
    own(pod, deployment);
    await clock.advanceAsync(60_000);
    assert.equal(await ask(), 'Deployment.apps/shop/web');
  });

  it('remembers for an hour what was known of a pod that is gone', async (t) => {
    const { ask, clock, cluster } = bench(t);
    assert.equal(await ask(), 'WebShop.example.org/shop/main');
    cluster.delete(pod.path);
    cluster.delete(replicaSet.path);
    await clock.advanceAsync(60_000);
    assert.equal(await ask(), 'WebShop.example.org/shop/main from memory');
    await clock.advanceAsync(3_500_000);
    assert.equal(await ask(), 'WebShop.example.org/shop/main from memory');
    await clock.advanceAsync(100_000);
    assert.equal(await ask(), 'Pod shop/web-1-a is not there, and nothing was known of it in the last hour');
  });

  it('names no owner that is gone itself, or that is another one of the same name', async (t) => {
    const { ask, clock, cluster } = bench(t, [pod, replicaSet]);
    assert.equal(await ask(), 'ReplicaSet.apps/shop/web-1');
    cluster.delete(replicaSet.path);
    await clock.advanceAsync(60_000);
    assert.equal(await ask(), 'ReplicaSet web-1, the owner, is gone');
    cluster.put(replicaSet.path, { metadata: {} });
    await clock.advanceAsync(60_000);
    assert.equal(
      await ask(),
      'the owner of the pod shop/web-1-a is unknown: ReplicaSet web-1 is gone, and there is another one of that name',
    );
  });

  it('says that nothing owns a pod, and takes no owner that only holds it', async (t) => {
    const { ask, own } = bench(t, [pod]);
    assert.equal(await ask(), 'nothing owns the pod shop/web-1-a');
    const other = { ...pod, path: '/api/v1/namespaces/shop/pods/other' };
    own(webShop, undefined);
    own(other, webShop, false);
    assert.equal(await ask(undefined, 'other'), 'nothing owns the pod shop/other');
  });

  it('says which rule is missing, and goes on when it is there', async (t) => {
    const { ask, cluster } = bench(t);
    cluster.denied.add('get deployments.apps');
    assert.equal(
      await ask(),
      'the owner of the pod shop/web-1-a is unknown: Tocsin lacks the right to get deployments.apps in the namespace shop: add the rule {apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"]} to a role of its ServiceAccount',
    );
    cluster.denied.clear();
    assert.equal(await ask(), 'WebShop.example.org/shop/main');
  });

  it('says that the kind of an owner is not installed', async (t) => {
    const { ask, cluster } = bench(t);
    cluster.uninstall('example.org/v1', 'WebShop');
    assert.equal(
      await ask(),
      'the owner of the pod shop/web-1-a is unknown: the kind WebShop (example.org/v1) is not installed',
    );
  });

  it('ends, whatever the owner references say', async (t) => {
    const { ask, own } = bench(t, [pod, replicaSet, deployment]);
    own(deployment, replicaSet);
    assert.match(await ask(), /^the owners of the pod shop\/web-1-a go in a circle: ReplicaSet web-1 is its own$/);
    const long = Array.from({ length: 20 }, (_, index) => ({
      ...webShop,
      path: webShop.path.replace('main', `w${index}`),
    }));
    const { ask: askLong } = bench(t, [pod, ...long]);
    assert.equal(await askLong(), 'the pod shop/web-1-a has more than 8 owners above it');
  });

  it('makes at most 100 reads at once and 20 a second, and says so', async (t) => {
    const { clock, cluster, logger, targets } = bench(t);
    const asked = Array.from({ length: 300 }, (_, index) => targets.ownerOf('shop', `gone-${index}`, undefined, never));
    await clock.advanceAsync(0);
    assert.equal(cluster.calls.length, 100);
    await clock.advanceAsync(5000);
    assert.equal(cluster.calls.length, 200);
    await clock.advanceAsync(5000);
    await Promise.all(asked);
    assert.deepEqual(logger.valuesOf('owner.reads_limited', 'per_second'), [[20]]);
  });

  it('asks for the platform before all others that wait, also for a pod that one of them waits for', async (t) => {
    const { clock, cluster, targets, urgent } = bench(t);
    const asked = Array.from({ length: 300 }, (_, index) => targets.ownerOf('shop', `gone-${index}`, undefined, never));
    await clock.advanceAsync(0);
    const platform = new AbortController();
    urgent.add(platform.signal);
    const first = targets.ownerOf('shop', 'gone-299', undefined, platform.signal);
    await clock.advanceAsync(50);
    await first;
    assert.equal(cluster.calls.length, 101);
    await clock.advanceAsync(15_000);
    await Promise.all(asked);
  });

  it('gives up with the last who asks', async (t) => {
    const { clock, cluster, targets } = bench(t);
    const asked = Array.from({ length: 150 }, (_, index) => {
      const giveUp = new AbortController();
      const answer = targets.ownerOf('shop', `gone-${index}`, undefined, giveUp.signal);
      answer.catch(() => undefined);
      return { giveUp, answer };
    });
    await clock.advanceAsync(0);
    for (const { giveUp } of asked) giveUp.abort(new Error('the deadline'));
    await assert.rejects(asked.at(-1)!.answer, /the deadline/);
    await clock.advanceAsync(60_000);
    assert.equal(cluster.calls.length, 100);
    assert.equal(clock.pending(), 0);
  });

  it('forgets the oldest when its memory is full, and says so', async (t) => {
    const { clock, cluster, logger, registry, targets } = bench(t);
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label-${index}`, 'x'.repeat(63)]));
    for (let index = 0; index < 300; index++)
      cluster.put(`/api/v1/namespaces/shop/pods/p${index}`, { metadata: { labels } });
    for (let index = 0; index < 300; index++) {
      const asked = targets.ownerOf('shop', `p${index}`, undefined, never);
      await clock.advanceAsync(50);
      await asked;
    }
    const cached = Number(/^tocsin_owner_cache_objects (\d+)$/m.exec(await registry.metrics())?.[1]);
    assert.ok(cached > 100 && cached < 300, String(cached));
    assert.equal(logger.valuesOf('owner.cache_full', 'max_bytes')[0]?.[0], 4 * 1024 * 1024);
  });

  it('finds the top of any chain, whatever comes and goes, or says why not', async (t) => {
    const owners = [pod, replicaSet, deployment, webShop];
    const step = fc.record({
      at: fc.integer({ min: 0, max: 3 }),
      does: fc.constantFrom('delete', 'restore', 'wait', 'deny', 'allow'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { ask, clock, cluster } = bench(t, owners);
        const saved = owners.map(({ path }) => cluster.get(path)!);
        for (const { at, does } of steps) {
          const { path } = owners[at]!;
          if (does === 'delete') cluster.delete(path);
          if (does === 'restore' && cluster.get(path) === undefined) cluster.put(path, saved[at]!);
          if (does === 'deny') cluster.denied.add('get deployments.apps');
          if (does === 'allow') cluster.denied.clear();
          if (does === 'wait') await clock.advanceAsync(70_000);
          const answer = await ask();
          assert.match(answer, /^WebShop\.example\.org\/shop\/main|is not there|is gone|lacks the right/);
        }
        for (const [index, { path }] of owners.entries())
          if (cluster.get(path) === undefined) cluster.put(path, saved[index]!);
        cluster.denied.clear();
        await clock.advanceAsync(70_000);
        assert.equal(await ask(), 'WebShop.example.org/shop/main');
      }),
      { numRuns: 30 },
    );
  });
});
