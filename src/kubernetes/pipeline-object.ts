import type { Condition, Pipeline, Request } from '../reconcile/ports.ts';
import { objectPath, requestGroup, type ApiObject, type ServedResource, type WatchedResource } from './api-object.ts';
import { objectMembers, type ObjectReader } from './kept-object.ts';
import { kymaGroup, kymaKinds, kymaVersions } from '../reconcile/kyma-kinds.ts';

/** The kinds of Kyma's telemetry module. */
export const kymaResources: readonly WatchedResource[] = kymaKinds.map(({ resource }) => {
  return { group: kymaGroup, versions: kymaVersions, resource };
});

/** The kept part of an object. */
export interface CachedPipeline {
  readonly request: Request;
  readonly pipeline: Pipeline;
  /** True if `status.conditions` holds nothing but the pipeline's conditions: a write then need not read it first. */
  readonly hasAllConditions: boolean;
  /** The path of the object itself, for writing to it. */
  readonly path: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** The reader of pipelines. */
export const pipelineReader: ObjectReader<CachedPipeline> = { members: objectMembers, read: toCachedPipeline };

/** The parts of the spec that distinguish the flavours of a pipeline. */
const keptSpec = ['input', 'output'] as const;

/** Keeps what a reconcile needs and drops the rest: managed fields, secrets and other people's configuration. */
export function toCachedPipeline(object: ApiObject, { apiVersion, kind, path }: ServedResource): CachedPipeline {
  const { name, namespace, uid = '', resourceVersion = '', generation = 1 } = object.metadata;
  const scope = namespace === undefined ? {} : { namespace };
  const found = object.status?.conditions;
  return {
    request: { kind, ...requestGroup(apiVersion), ...scope, name },
    pipeline: {
      apiVersion,
      kind,
      ...scope,
      name,
      ...(uid !== '' && { uid }),
      generation,
      spec: trimSpec(object.spec ?? {}),
      conditions: readConditions(found),
    },
    hasAllConditions: isConditionList(found),
    path: objectPath(path, namespace, name),
    uid,
    resourceVersion,
  };
}

/** The same pipeline after a write of its status; the watch reports whatever else may have changed. */
export function asWritten(cached: CachedPipeline, { metadata, status }: ApiObject): CachedPipeline {
  const { resourceVersion = '' } = metadata;
  return {
    ...cached,
    pipeline: { ...cached.pipeline, conditions: readConditions(status?.conditions) },
    hasAllConditions: isConditionList(status?.conditions),
    resourceVersion,
  };
}

/**
 * True if the pipeline has to be reconciled: it is another object, its spec has changed, or its configuration has just been generated.
 * Tocsin's own writes do none of that.
 */
export function needsReconcile(before: CachedPipeline, after: CachedPipeline): boolean {
  return (
    before.uid !== after.uid ||
    before.pipeline.generation !== after.pipeline.generation ||
    configurationGenerated(before) !== configurationGenerated(after)
  );
}

function configurationGenerated({ pipeline }: CachedPipeline): string | undefined {
  return pipeline.conditions.find(({ type }) => type === 'ConfigurationGenerated')?.status;
}

/** The names of the inputs and outputs, without their content. */
function trimSpec(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kept: [string, unknown][] = [];
  for (const key of keptSpec) {
    const part = spec[key];
    if (typeof part !== 'object' || part === null) continue;
    const present = Object.entries(part).filter(([, value]) => value !== null && value !== undefined);
    kept.push([key, Object.fromEntries(present.map(([name]) => [name, true]))]);
  }
  return Object.fromEntries(kept);
}

/** Reads a list of conditions that others may have filled with anything: whatever is not a condition is left out. */
export function readConditions(found: unknown): readonly Condition[] {
  return Array.isArray(found) ? found.filter(isCondition).map(trimCondition) : [];
}

function isConditionList(found: unknown): boolean {
  return found === undefined || found === null || (Array.isArray(found) && found.every(isCondition));
}

function isCondition(found: unknown): found is FoundCondition {
  if (typeof found !== 'object' || found === null) return false;
  const { type, status } = found as Record<string, unknown>;
  return typeof type === 'string' && typeof status === 'string';
}

type FoundCondition = Pick<Condition, 'type' | 'status'> & Partial<Condition>;

function trimCondition(condition: FoundCondition): Condition {
  const { type, status, reason = '', message = '', lastTransitionTime = '', observedGeneration } = condition;
  const trimmed = { type, status, reason, message, lastTransitionTime };
  return observedGeneration === undefined ? trimmed : { ...trimmed, observedGeneration };
}
