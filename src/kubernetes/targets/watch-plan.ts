import type { ObjectNeed } from '../../trigger/ports.ts';
import type { KindRef, KnownKind } from './kind-discovery.ts';

/** The most watches of objects that triggers choose; each holds a connection to the API server. */
export const maxTargetWatches = 100;

/** If triggers of more namespaces than this need one kind, one watch of all namespaces replaces theirs. */
export const maxNamespacesOfKind = 4;

export interface PlannedWatch {
  readonly kind: KnownKind;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly of: 'metadata' | 'conditions';
}

export interface WatchPlan {
  readonly watches: readonly PlannedWatch[];
  /** Those that would be more than {@link maxTargetWatches}. */
  readonly refused: readonly PlannedWatch[];
}

interface PlanOptions {
  readonly find: (ref: KindRef) => KnownKind | undefined;
  /** True if Tocsin may not list all namespaces of the kind: the watches of single namespaces then stay. */
  readonly isForbidden: (kind: KnownKind) => boolean;
  readonly maxWatches?: number;
}

/**
 * The watches that the needs take: one for each kind and namespace, for the most that any of its needs asks. A kind that nobody knows
 * yet, and conditions of a kind that has no place for them, take none. If there are too many, each namespace keeps its first ones.
 */
export function planWatches(needs: readonly ObjectNeed[], options: PlanOptions): WatchPlan {
  const { maxWatches = maxTargetWatches } = options;
  const planned: PlannedWatch[] = [];
  for (const { kind, scopes } of byKind(needs, options.find)) planned.push(...watchesOf(kind, scopes, options));
  const ranked = inFairOrder(planned);
  return { watches: ranked.slice(0, maxWatches), refused: ranked.slice(maxWatches) };
}

/** True if all that the need asks for is in the watch. */
export function covers({ kind, namespace }: PlannedWatch, other: Pick<PlannedWatch, 'kind' | 'namespace'>): boolean {
  return watchedKind(kind) === watchedKind(other.kind) && (namespace === undefined || namespace === other.namespace);
}

export function watchKey({ kind, namespace = '', of }: PlannedWatch): string {
  return `${watchedKind(kind)} ${namespace} ${of}`;
}

function watchedKind({ apiVersion, kind }: KindRef): string {
  return `${apiVersion} ${kind}`;
}

/** For each namespace, the most that is needed of its objects; the empty text stands for all namespaces. */
type Scopes = ReadonlyMap<string, PlannedWatch['of']>;

interface NeededKind {
  readonly kind: KnownKind;
  readonly scopes: Map<string, PlannedWatch['of']>;
}

function byKind(needs: readonly ObjectNeed[], find: PlanOptions['find']): Iterable<NeededKind> {
  const kinds = new Map<string, NeededKind>();
  for (const need of needs) {
    const kind = find(need);
    if (kind === undefined || need.of === 'none' || (need.of === 'conditions' && !kind.hasStatus)) continue;
    const needed = kinds.get(watchedKind(kind)) ?? { kind, scopes: new Map() };
    kinds.set(watchedKind(kind), needed);
    const scope = (kind.isNamespaced ? need.namespace : undefined) ?? '';
    if (needed.scopes.get(scope) !== 'conditions') needed.scopes.set(scope, need.of);
  }
  return kinds.values();
}

function watchesOf(kind: KnownKind, scopes: Scopes, { isForbidden }: PlanOptions): readonly PlannedWatch[] {
  const wide = scopes.get('');
  const single = [...scopes].filter(([namespace]) => namespace !== '');
  const watches = single.map(([namespace, of]) => ({ kind, namespace, of }));
  if (isForbidden(kind)) return wide === undefined ? watches : [{ kind, of: wide }, ...watches];
  if (wide === undefined && single.length <= maxNamespacesOfKind) return watches;
  const of = [...scopes.values()].includes('conditions') ? 'conditions' : 'metadata';
  return [{ kind, of }];
}

/** Watches of all namespaces first; then the first of each namespace, the second of each, and so on. */
function inFairOrder(planned: readonly PlannedWatch[]): readonly PlannedWatch[] {
  const counts = new Map<string, number>();
  const ranked = planned
    .toSorted((a, b) => (watchKey(a) < watchKey(b) ? -1 : 1))
    .map((watch) => {
      const { namespace } = watch;
      if (namespace === undefined) return { watch, rank: 0 };
      const rank = (counts.get(namespace) ?? 0) + 1;
      counts.set(namespace, rank);
      return { watch, rank };
    });
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ watch }) => watch);
}
