import { kindName, type Request } from '../reconcile/ports.ts';
import type { ObjectNeed } from './ports.ts';
import type { NamedTarget, SelectedTarget, Target, TemplateData, Trigger } from './trigger.ts';

/** For templates that are the same for every alert. */
export const noAlert: TemplateData = { labels: {}, annotations: {}, now: 0 };

/** A target that names objects by a name or a selector. */
type FixedTarget = NamedTarget | SelectedTarget;

/** True if the target is the same for every alert. */
export function isStatic(target: Target): target is FixedTarget {
  if (target.by === 'owner' || !isStaticNamespace(target)) return false;
  return target.by === 'selector' || target.name.isFixed;
}

export function isStaticNamespace({ namespace }: Target): boolean {
  return namespace?.isFixed ?? true;
}

/** The places of selectors that may mean the object: its namespace, and all of them. */
export function placesOf(request: Request): readonly string[] {
  const kind = kindName(request);
  return [`${kind}/${request.namespace ?? ''}`, `${kind}/*`];
}

/** What has to be known of the objects that a target may name. */
export function needOf(trigger: Trigger, target: FixedTarget): ObjectNeed {
  const { apiVersion, kind } = target;
  const namespace = isStaticNamespace(target) ? (target.namespace?.render(noAlert) ?? trigger.namespace) : undefined;
  const of = trigger.action.do === 'condition' ? 'conditions' : target.by === 'selector' ? 'metadata' : 'none';
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }), of };
}

const depth: Readonly<Record<ObjectNeed['of'], number>> = { none: 0, metadata: 1, conditions: 2 };

/** Of the needs of each kind in each namespace, the one that asks for the most. */
export function deepestNeeds(all: Iterable<ObjectNeed>): readonly ObjectNeed[] {
  const needs = new Map<string, ObjectNeed>();
  for (const need of all) {
    const key = JSON.stringify([need.apiVersion, need.kind, need.namespace]);
    const known = needs.get(key);
    if (known === undefined || depth[known.of] < depth[need.of]) needs.set(key, need);
  }
  return [...needs.values()];
}
