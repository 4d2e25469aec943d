import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ObjectNeed } from '../../trigger/ports.ts';
import type { KindRef, KnownKind } from './kind-discovery.ts';
import { covers, maxNamespacesOfKind, planWatches, watchKey } from './watch-plan.ts';

const served: Readonly<Record<string, Partial<KnownKind>>> = {
  Cluster: {},
  Deployment: {},
  Node: { isNamespaced: false },
  ConfigMap: { hasStatus: false },
};

function find({ apiVersion, kind }: KindRef): KnownKind | undefined {
  const known = { apiVersion, kind, group: 'g', version: 'v1', resource: kind, isNamespaced: true, hasStatus: true };
  return kind in served ? { ...known, ...served[kind] } : undefined;
}

function need(kind: string, namespace?: string, of: ObjectNeed['of'] = 'metadata'): ObjectNeed {
  return { apiVersion: 'g/v1', kind, of, ...(namespace !== undefined && { namespace }) };
}

function planned(needs: readonly ObjectNeed[], options: { maxWatches?: number; forbidden?: boolean } = {}) {
  const plan = planWatches(needs, { find, isForbidden: () => options.forbidden ?? false, ...options });
  return { watches: plan.watches.map(watchKey), refused: plan.refused.map(watchKey) };
}

describe('planWatches', () => {
  it('has one watch a kind and namespace, for the most that is needed', () => {
    const needs = [
      need('Cluster', 'a'),
      need('Cluster', 'a', 'conditions'),
      need('Cluster', 'b'),
      need('Deployment', 'a', 'none'),
    ];
    assert.deepEqual(planned(needs).watches, ['g/v1 Cluster a conditions', 'g/v1 Cluster b metadata']);
  });

  it('has none for a kind that is unknown, or that has no place for the conditions', () => {
    assert.deepEqual(planned([need('Unknown', 'a'), need('ConfigMap', 'a', 'conditions')]).watches, []);
  });

  it('watches a cluster-scoped kind once, whatever namespace a need names', () => {
    assert.deepEqual(planned([need('Node', 'a'), need('Node'), need('Node', 'b')]).watches, ['g/v1 Node  metadata']);
  });

  it('keeps the watches of single namespaces where all of them may not be listed', () => {
    const needs = [need('Cluster'), need('Cluster', 'a', 'conditions')];
    assert.deepEqual(planned(needs).watches, ['g/v1 Cluster  conditions']);
    const watches = ['g/v1 Cluster  metadata', 'g/v1 Cluster a conditions'];
    assert.deepEqual(planned(needs, { forbidden: true }).watches, watches);
  });

  it('lets no namespace take the watches of the others', () => {
    const greedy = ['Cluster', 'Deployment', 'ConfigMap'].map((kind) => need(kind, 'greedy'));
    const { watches, refused } = planned([...greedy, need('Deployment', 'z')], { maxWatches: 2 });
    assert.deepEqual(watches, ['g/v1 Cluster greedy metadata', 'g/v1 Deployment z metadata']);
    assert.equal(refused.length, 2);
  });

  it('covers every need that can be watched with at least as much as it asks for, and has no watch without a need', () => {
    const arbitraryNeed = fc
      .record({
        kind: fc.constantFrom(...Object.keys(served), 'Unknown'),
        namespace: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { nil: undefined }),
        of: fc.constantFrom('none', 'metadata', 'conditions'),
      })
      .map(({ kind, namespace, of }) => need(kind, namespace, of));
    const needsOfMany = fc.array(arbitraryNeed, { maxLength: 40 });
    fc.assert(
      fc.property(needsOfMany, fc.boolean(), fc.integer({ min: 0, max: 12 }), (needs, isForbidden, maxWatches) => {
        const { watches, refused } = planWatches(needs, { find, isForbidden: () => isForbidden, maxWatches });
        const all = [...watches, ...refused];
        assert.equal(new Set(all.map(watchKey)).size, all.length);
        assert.ok(watches.length <= maxWatches && (refused.length === 0 || watches.length === maxWatches));
        const wanted = needs.flatMap((each) => {
          const kind = find(each);
          const isWatched = kind !== undefined && each.of !== 'none' && (each.of === 'metadata' || kind.hasStatus);
          const { namespace } = kind?.isNamespaced === true ? each : {};
          return isWatched
            ? [{ of: each.of, planned: { kind, of: each.of, ...(namespace !== undefined && { namespace }) } as const }]
            : [];
        });
        for (const { of, planned: asked } of wanted) {
          assert.ok(all.some((watch) => covers(watch, asked) && (of === 'metadata' || watch.of === 'conditions')));
        }
        for (const watch of all) {
          assert.ok(wanted.some(({ planned: asked }) => covers(watch, asked)));
          const singles = all.filter(({ kind, namespace }) => kind.kind === watch.kind.kind && namespace !== undefined);
          assert.ok(isForbidden || singles.length <= maxNamespacesOfKind);
        }
      }),
    );
  });
});
