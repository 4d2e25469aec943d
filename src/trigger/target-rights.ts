import type { PolicyRule } from './ports.ts';
import type { Trigger } from './trigger.ts';

/** What triggers do with the objects of a kind: each needs rights of its own. */
export type TargetUse =
  /** Write an entry of `status.conditions`, for which the objects are watched. */
  | 'condition'
  /** Set an annotation; an object that is named need not be read for it. */
  | 'annotate'
  /** Find objects by their labels. */
  | 'select'
  /** Follow owner references through objects of this kind. */
  | 'owner';

export const targetUses: readonly TargetUse[] = ['condition', 'annotate', 'select', 'owner'];

/** A kind that triggers wake, as RBAC names it. */
export interface TargetKindUse {
  readonly group: string;
  /** The plural: `clusters`. */
  readonly resource: string;
  readonly uses: readonly TargetUse[];
}

/** Exactly the rules that the uses of these kinds need, one entry a kind and subresource. */
export function targetRules(kinds: readonly TargetKindUse[]): readonly PolicyRule[] {
  return kinds.flatMap(({ group, resource, uses }) => {
    const rule = { apiGroups: [group], resources: [resource], verbs: verbsOf(uses) };
    const status = { apiGroups: [group], resources: [`${resource}/status`], verbs: ['patch'] };
    return uses.includes('condition') ? [rule, status] : [rule];
  });
}

function verbsOf(uses: readonly TargetUse[]): readonly string[] {
  const isWatched = uses.includes('condition') || uses.includes('select');
  const reads = isWatched ? ['get', 'list', 'watch'] : uses.includes('owner') ? ['get'] : [];
  return uses.includes('annotate') ? [...reads, 'patch'] : reads;
}

/** The objects of Kubernetes that give these rights to Tocsin. */
export function targetRole(
  kinds: readonly TargetKindUse[],
  account: { readonly name: string; readonly namespace: string },
): readonly object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: `${account.name}-trigger-targets` };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name };
  return [
    { apiVersion, kind: 'ClusterRole', metadata, rules: targetRules(merged(kinds)) },
    { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects: [{ kind: 'ServiceAccount', ...account }] },
  ];
}

/** One entry a resource, in the order in which they come first. */
function merged(kinds: readonly TargetKindUse[]): readonly TargetKindUse[] {
  const byName = new Map<string, TargetKindUse>();
  for (const kind of kinds) {
    const name = `${kind.resource}.${kind.group}`;
    const uses = new Set([...(byName.get(name)?.uses ?? []), ...kind.uses]);
    byName.set(name, { ...kind, uses: targetUses.filter((use) => uses.has(use)) });
  }
  return [...byName.values()];
}

/** The kinds that a trigger wakes, and what it does to them. Which kinds own a pod, no trigger says: of those it is the pod alone. */
export function targetKindsOf({ targets, action }: Trigger): readonly TargetKindUse[] {
  const written: readonly TargetUse[] = action.do === 'log' ? [] : [action.do];
  return targets.flatMap((target) => {
    if (target.by === 'owner') return [{ group: '', resource: 'pods', uses: ['owner'] }];
    const [group = ''] = target.apiVersion.includes('/') ? target.apiVersion.split('/') : [];
    const uses: readonly TargetUse[] = target.by === 'selector' ? [...written, 'select'] : written;
    // An object that is named and only told of in the log is not even read.
    return uses.length === 0 ? [] : [{ group, resource: pluralOf(target.kind), uses }];
  });
}

/** The plural of a kind as kubectl guesses it without a cluster. A CustomResourceDefinition may have another one. */
export function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular.endsWith('s')) return `${singular}es`;
  return singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}
