import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { ObjectNeed } from '../../trigger/ports.ts';
import { targetsBench } from './fake-cluster.fixture.ts';
import { maxNamespacesOfKind } from './watch-plan.ts';

const kinds = {
  Cluster: { apiVersion: 'g.org/v1', resource: 'clusters', status: true },
  Thing: { apiVersion: 'g.org/v1', resource: 'things', status: false },
  Deployment: { apiVersion: 'apps/v1', resource: 'deployments', status: true },
} as const;
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];
const namespaces = ['a', 'b', 'c', 'd', 'e'];

const kind = fc.constantFrom(...names, 'Cluster' as const);
const namespace = fc.constantFrom(...namespaces, 'a', 'a', 'a');
/** Its identity is known to the targets, as that of a trigger's selector is. */
const everything = {};
const name = fc.constantFrom('x', 'y');

const need = fc
  .record({
    kind,
    namespace: fc.option(namespace, { nil: undefined }),
    of: fc.constantFrom<ObjectNeed['of']>('none', 'metadata', 'conditions'),
  })
  .map(({ kind: named, namespace: scope, of }): ObjectNeed => {
    return { apiVersion: kinds[named].apiVersion, kind: named, of, ...(scope !== undefined && { namespace: scope }) };
  });

type Step =
  | { readonly does: 'install' | 'uninstall'; readonly kind: Kind }
  | { readonly does: 'put' | 'delete'; readonly kind: Kind; readonly namespace: string; readonly name: string }
  | { readonly does: 'deny' | 'deny everywhere' | 'allow'; readonly kind: Kind; readonly verb: string }
  | { readonly does: 'require'; readonly needs: readonly ObjectNeed[] }
  | { readonly does: 'end watches' | 'wait' | 'wait long' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constantFrom('install' as const, 'uninstall' as const), kind }),
  fc.record({ does: fc.constantFrom('put' as const, 'delete' as const), kind, namespace, name }),
  fc.record({
    does: fc.constantFrom('deny' as const, 'deny everywhere' as const, 'allow' as const),
    kind,
    verb: fc.constantFrom('list', 'watch'),
  }),
  fc.record({ does: fc.constant('require' as const), needs: fc.array(need, { maxLength: 8 }) }),
  fc.record({ does: fc.constantFrom('end watches' as const, 'wait' as const, 'wait long' as const) }),
);

/** It is needed all the time, so that what is told of its objects has to be complete. */
const always: ObjectNeed = { apiVersion: 'g.org/v1', kind: 'Cluster', namespace: 'a', of: 'conditions' };

function pathOf(named: Kind, scope: string | undefined): string {
  const { apiVersion, resource } = kinds[named];
  return `/apis/${apiVersion}${scope === undefined ? '' : `/namespaces/${scope}`}/${resource}`;
}

/** Does steps to a cluster, and compares in the end what is known of it with what is there. */
class Scenario {
  readonly #bench: ReturnType<typeof targetsBench>;
  readonly #installed = new Set<Kind>();
  #needs: readonly ObjectNeed[] = [always];

  constructor(t: TestContext) {
    this.#bench = targetsBench(t);
    this.#bench.targets.require(this.#needs);
  }

  async take(step: Step): Promise<void> {
    const { clock, targets } = this.#bench;
    if ('name' in step) this.#change(step);
    else if ('verb' in step) this.#deny(step);
    else if ('kind' in step) this.#install(step);
    else if ('needs' in step) targets.require((this.#needs = [always, ...step.needs]));
    else if (step.does === 'end watches') this.#bench.cluster.endWatches();
    for (const { apiVersion, kind: named, namespace: scope } of this.#needs)
      targets.select(apiVersion, named, scope, everything);
    await clock.advanceAsync(step.does === 'wait long' ? 90_000 : step.does === 'wait' ? 5000 : 0);
  }

  /** Every right is there, and nothing happens any more. */
  async settle(): Promise<void> {
    const { cluster, clock } = this.#bench;
    cluster.denied.clear();
    cluster.endWatches();
    // A refusal to list all namespaces counts for ten minutes.
    await clock.advanceAsync(900_000);
  }

  check(): void {
    const { cluster, changes } = this.#bench;
    for (const wanted of this.#needs) this.#checkNeed(wanted);
    assert.deepEqual(cluster.watches, expectedWatches(this.#needs, this.#installed));
    const shown = new Set<string>();
    for (const change of changes) {
      const [what, key = ''] = change.split(' ');
      if (what === 'added') shown.add(key);
      if (what === 'removed') assert.ok(shown.delete(key), `${key} is removed, and was never there`);
    }
    const ofAlways = [...shown].filter((key) => key.startsWith('Cluster.g.org/a/'));
    assert.equal(ofAlways.length, this.#installed.has('Cluster') ? uidsIn(cluster, 'Cluster', 'a').length : 0);
  }

  async close(): Promise<void> {
    const { cluster, clock, targets } = this.#bench;
    await targets.close();
    assert.deepEqual([cluster.watches, clock.pending()], [[], 0]);
  }

  #checkNeed(wanted: ObjectNeed): void {
    const { cluster, targets } = this.#bench;
    const named = wanted.kind as Kind;
    const isInstalled = this.#installed.has(named);
    // A kind that nobody watches is missed only by a write.
    if (wanted.of === 'none' && !isInstalled) return;
    const state = targets.stateOf(wanted);
    const reason = state.state === 'unavailable' ? state.reason : state.state;
    const hasStatus = wanted.of !== 'conditions' || kinds[named].status;
    assert.equal(reason, !isInstalled ? 'NotInstalled' : hasStatus ? 'known' : 'NoStatus');
    if (reason !== 'known' || wanted.of === 'none') return;
    const selected = targets.select(wanted.apiVersion, named, wanted.namespace, everything);
    const uids = selected.map(({ pipeline }) => pipeline.uid).toSorted();
    assert.deepEqual(uids, uidsIn(cluster, named, wanted.namespace));
  }

  #change(step: Extract<Step, { name: string }>): void {
    if (!this.#installed.has(step.kind)) return;
    const path = `${pathOf(step.kind, step.namespace)}/${step.name}`;
    if (step.does === 'put') this.#bench.cluster.put(path, { metadata: {} });
    else this.#bench.cluster.delete(path);
  }

  #deny({ does, kind: named, verb }: Extract<Step, { verb: string }>): void {
    const { denied } = this.#bench.cluster;
    const { resource, apiVersion } = kinds[named];
    const right = `${verb} ${resource}.${apiVersion.split('/')[0]}`;
    if (does === 'allow') denied.clear();
    else denied.add(does === 'deny' ? right : `${right} everywhere`);
  }

  #install({ does, kind: named }: { readonly does: string; readonly kind: Kind }): void {
    const { cluster } = this.#bench;
    const { apiVersion, resource, status } = kinds[named];
    const isInstalled = this.#installed.has(named);
    if (does === 'install' && !isInstalled) cluster.install(apiVersion, named, resource, { status });
    if (does === 'install') this.#installed.add(named);
    else if (this.#installed.delete(named)) cluster.uninstall(apiVersion, named);
  }
}

/** The watch of all namespaces is replaced by that of one while it waits, and so it never hears that its object went. */
const reinstalledBeforeTheWatchIsReplaced: Step[] = [
  { does: 'install', kind: 'Cluster' },
  { does: 'require', needs: [{ apiVersion: 'g.org/v1', kind: 'Cluster', of: 'metadata' }] },
  { does: 'put', kind: 'Cluster', namespace: 'a', name: 'x' },
  { does: 'uninstall', kind: 'Cluster' },
  { does: 'install', kind: 'Cluster' },
  { does: 'require', needs: [] },
];

describe('KubernetesTargets, whatever happens', () => {
  it('knows in the end exactly what is there, watches exactly what is needed, and leaves nothing open', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25, size: 'max' }), async (steps) => {
        const scenario = new Scenario(t);
        for (const each of steps) await scenario.take(each);
        await scenario.settle();
        scenario.check();
        await scenario.close();
      }),
      { numRuns: 150, examples: [[reinstalledBeforeTheWatchIsReplaced]] },
    );
  });
});

function uidsIn(
  cluster: { paths(): readonly string[]; get(path: string): Record<string, unknown> | undefined },
  named: Kind,
  scope: string | undefined,
): readonly string[] {
  const paths = cluster.paths().filter((path) => {
    const [, , , , , inNamespace, resource] = path.split('/');
    return resource === kinds[named].resource && (scope === undefined || inNamespace === scope);
  });
  return paths.map((path) => (cluster.get(path)!['metadata'] as { uid: string }).uid).toSorted();
}

function expectedWatches(needs: readonly ObjectNeed[], installed: ReadonlySet<Kind>): readonly string[] {
  return names
    .filter((named) => installed.has(named))
    .flatMap((named) => {
      const watched = needs.filter(
        ({ kind: each, of }) => each === named && (of === 'metadata' || (of === 'conditions' && kinds[named].status)),
      );
      const scopes = new Set(watched.map((each) => each.namespace));
      const isWide = scopes.has(undefined) || scopes.size > maxNamespacesOfKind;
      return isWide ? [pathOf(named, undefined)] : [...scopes].map((scope) => pathOf(named, scope));
    })
    .toSorted();
}
