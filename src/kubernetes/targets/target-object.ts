import type { PolicyRule, TargetObject } from '../../trigger/ports.ts';
import type { Pipeline, Request } from '../../reconcile/ports.ts';
import { apiVersionPath, objectPath, requestGroup, type ApiObject, type ServedResource } from '../api-object.ts';
import type { MissingRight } from '../api/api-error.ts';
import { conditionMembers, isJsonObject, metadataMembers, type ObjectReader } from '../kept-object.ts';
import { toCachedPipeline, type CachedPipeline } from '../pipeline-object.ts';
import type { KindRef, KnownKind } from './kind-discovery.ts';

/** The kept part of an object that a trigger may choose. */
export interface CachedTarget extends CachedPipeline {
  readonly labels: Readonly<Record<string, string>>;
}

const metadata = { members: { ...metadataMembers, labels: { everyMember: 'scalar' } } } as const;

/** For objects that are only chosen: their names and labels. A write of a condition then reads first. */
export const metadataReader: ObjectReader<CachedTarget> = {
  members: { metadata },
  isMetadataOnly: true,
  read: (object, served) => ({ ...toCachedTarget(object, served), hasAllConditions: false }),
};

/** For objects into which conditions are written. */
export const conditionsReader: ObjectReader<CachedTarget> = {
  members: { metadata, status: { members: { conditions: { everyElement: conditionMembers } } } },
  read: toCachedTarget,
};

function toCachedTarget(object: ApiObject, served: ServedResource): CachedTarget {
  return { ...toCachedPipeline(object, served), labels: readLabels(object.metadata.labels) };
}

export function readLabels(found: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(found)) return {};
  const texts = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}

/** What is known of an object that is not watched. */
export interface SeenObject {
  readonly uid: string;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** An object of which nothing is known but its name, and what another read said of it. */
export function unwatchedTarget(kind: KnownKind, request: Request, seen?: SeenObject): CachedTarget {
  const { namespace, name } = request;
  return {
    request,
    pipeline: {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      ...(namespace !== undefined && { namespace }),
      name,
      ...(seen !== undefined && { uid: seen.uid }),
      generation: seen?.generation ?? 1,
      spec: {},
      conditions: [],
    },
    labels: seen?.labels ?? {},
    hasAllConditions: false,
    path: objectPath(collectionPath(kind), namespace, name),
    uid: seen?.uid ?? '',
    resourceVersion: '',
  };
}

export function asTargetObject({ request, pipeline, labels, uid }: CachedTarget): TargetObject {
  return { request, pipeline, labels, ...(uid === '' && { isUnlisted: true }) };
}

/** The request for an object. */
export function requestOfPipeline({ apiVersion, kind, namespace, name }: Pipeline): Request {
  return { kind, ...requestGroup(apiVersion), ...(namespace !== undefined && { namespace }), name };
}

/** A condition that another controller took away is one that a trigger may write now. */
export function hasLostCondition({ pipeline: before }: CachedTarget, { pipeline: after }: CachedTarget): boolean {
  return before.conditions.some(({ type }) => after.conditions.every((condition) => condition.type !== type));
}

/** True if its spec or its labels are others: its status is not looked at. */
export function hasChanged(before: CachedTarget, after: CachedTarget): boolean {
  if (before.pipeline.generation !== after.pipeline.generation) return true;
  const [old, now] = [Object.entries(before.labels), Object.keys(after.labels)];
  return old.length !== now.length || old.some(([key, value]) => after.labels[key] !== value);
}

/** The path of the objects of a kind, in all namespaces or in one. */
export function collectionPath({ group, version, resource }: KnownKind, namespace?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${apiVersionPath(group, version)}${scope}/${resource}`;
}

/** The rule of RBAC that grants a right, with these verbs in place of the refused one. */
export function ruleOf({ verb, resource }: MissingRight, verbs: readonly string[] = [verb]): PolicyRule {
  const dot = resource.indexOf('.');
  const [plural, group] = dot === -1 ? [resource, ''] : [resource.slice(0, dot), resource.slice(dot + 1)];
  return { apiGroups: [group], resources: [plural], verbs };
}

/** For the owner of a trigger: which right is missing, and what to add. */
export function missingRuleMessage(right: MissingRight, rule: PolicyRule, namespace: string | undefined): string {
  const where = namespace === undefined ? '' : ` in the namespace ${namespace}`;
  const { apiGroups, resources, verbs } = rule;
  const wanted = `{apiGroups: ${listOf(apiGroups)}, resources: ${listOf(resources)}, verbs: ${listOf(verbs)}}`;
  return `Tocsin lacks the right to ${right.verb} ${right.resource}${where}: add the rule ${wanted} to a role of its ServiceAccount`;
}

function listOf(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

/** The controller of an object, as its owner references name it. */
export interface ControllerRef extends KindRef {
  readonly name: string;
  readonly uid: string;
}

/** The one owner that manages the object; owners that only keep it from being deleted do not count. */
export function readController(found: unknown): ControllerRef | undefined {
  if (!Array.isArray(found)) return undefined;
  for (const entry of found as readonly unknown[]) {
    const { apiVersion, kind, name, uid, controller } = isJsonObject(entry) ? entry : {};
    if (controller !== true || typeof apiVersion !== 'string' || typeof kind !== 'string') continue;
    if (typeof name === 'string' && typeof uid === 'string') return { apiVersion, kind, name, uid };
  }
  return undefined;
}
