import type { LabelSet } from '../alert/labels.ts';
import { readApiVersion } from '../text/kubernetes.ts';
import { selects } from './label-selector.ts';
import type { LabelSelector, Trigger } from './trigger.ts';

/** An entry of `triggers.allowed_targets`: objects outside of its namespace that any trigger may wake. */
export interface AllowedTarget {
  /** Empty: the core group. */
  readonly group: string;
  readonly kind: string;
  /** The namespaces of the objects; absent: all of them, and cluster-scoped objects. */
  readonly namespaces?: readonly string[];
  /** The labels of the objects; absent: any. */
  readonly selector?: LabelSelector;
}

/** The label by which an object lets the triggers of one namespace wake it. */
export const grantingLabel = 'tocsin.dev/namespace';

/** Tocsin writes the status of its own objects itself, and hears of each change: a trigger would wake itself. */
const ownGroup = 'tocsin.dev';

/** True of the objects of Tocsin's own kinds. */
export function isOwnKind(apiVersion: string): boolean {
  return readApiVersion(apiVersion)?.group === ownGroup;
}

/** An object that a trigger wants to wake. */
export interface ReachedObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent: it is cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** Undefined: they are not known, and grant nothing. */
  readonly labels?: LabelSet | undefined;
}

/**
 * The reason why a trigger may not wake an object, for its owner; undefined if it may. A trigger without a namespace is the
 * admin's own, and may wake anything but Tocsin's own objects.
 */
export function refusedReach(
  trigger: Pick<Trigger, 'namespace'>,
  object: ReachedObject,
  allowed: readonly AllowedTarget[],
): string | undefined {
  const { namespace } = trigger;
  if (isOwnKind(object.apiVersion))
    return `${object.kind} ${object.name} is one of Tocsin's own objects, which no trigger may wake: name another one`;
  if (namespace === undefined || object.namespace === namespace) return undefined;
  if (labelOf(object, grantingLabel) === namespace || allowed.some((entry) => allows(entry, object))) return undefined;
  const place = object.namespace === undefined ? 'in no namespace' : `in the namespace ${object.namespace}`;
  return `${object.kind} ${object.name} is ${place}, and a trigger of ${namespace} may not wake it: the admin can allow it (triggers.allowed_targets), or whoever owns the object with the label ${grantingLabel}: ${namespace}`;
}

/**
 * The reason why a selector in another namespace selects nothing that a trigger may wake, unless the object grants it; undefined if
 * an entry may allow it.
 */
export function refusedSelection(
  own: string,
  { apiVersion, kind, namespace }: Omit<ReachedObject, 'name' | 'labels'>,
  allowed: readonly AllowedTarget[],
): string | undefined {
  if (namespace === own) return undefined;
  const whichever = allowed.map(({ group, kind: of, namespaces }) => ({
    group,
    kind: of,
    ...(namespaces !== undefined && { namespaces }),
  }));
  if (whichever.some((entry) => allows(entry, { apiVersion, kind, namespace, name: '' }))) return undefined;
  const place = namespace === undefined ? 'in no namespace' : `in the namespace ${namespace}`;
  return `the selector is for objects of the kind ${kind} ${place}, and a trigger of ${own} may wake none of them: the admin can allow it (triggers.allowed_targets), or whoever owns an object with the label ${grantingLabel}: ${own}`;
}

function allows({ group, kind, namespaces, selector }: AllowedTarget, object: ReachedObject): boolean {
  if (object.kind !== kind || readApiVersion(object.apiVersion)?.group !== group) return false;
  if (namespaces !== undefined && (object.namespace === undefined || !namespaces.includes(object.namespace)))
    return false;
  return selector === undefined || (object.labels !== undefined && selects(selector, object.labels));
}

function labelOf({ labels }: ReachedObject, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}
