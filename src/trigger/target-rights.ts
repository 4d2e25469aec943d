import type { PolicyRule } from './ports.ts';

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
