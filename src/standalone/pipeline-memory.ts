import { isDeepStrictEqual } from 'node:util';
import { requestKey, type Condition, type Request } from '../reconcile/ports.ts';
import { kymaKindNames } from '../reconcile/kyma-kinds.ts';
import { compareRequests, requestOf, type Manifest } from './manifest-file.ts';
import type { ManifestObject } from './pipeline-manifest.ts';
import { slicedSort, type Sliced } from '../runtime/slices.ts';

/** The condition of the health rules, which is always written here. */
export const ownConditionType = 'TelemetryFlowHealthy';

/** The other conditions of a pipeline come from its manifest, so that an edit of it takes effect even while Tocsin is not running. */
const conditionsOfPipelines: ReadonlySet<string> = new Set([
  'ConfigurationGenerated',
  'GatewayHealthy',
  'AgentHealthy',
]);

/** The requests of the manifests, as {@link PipelineMemory.replace} needs them. */
export function* sortedRequests(manifests: ReadonlyMap<string, Manifest>): Sliced<readonly Request[]> {
  const requests: Request[] = [];
  for (const { pipeline } of manifests.values()) requests.push(requestOf(pipeline));
  return yield* slicedSort(requests, compareRequests);
}

/** The objects known now: the manifests, overlaid with the conditions that were written here. */
export class PipelineMemory {
  #manifests: ReadonlyMap<string, Manifest> = new Map();
  #requests: readonly Request[] = [];
  #pipelineRequests: readonly Request[] = [];
  readonly #own = new Map<string, readonly Condition[]>();
  /** The pipelines that were asked for. */
  readonly #pipelines = new Map<string, ManifestObject>();

  get manifests(): ReadonlyMap<string, Manifest> {
    return this.#manifests;
  }

  /** The pipelines by kind, then by name. */
  list(): readonly Request[] {
    return this.#pipelineRequests;
  }

  /** All objects, by kind, then by namespace and name. */
  listAll(): readonly Request[] {
    return this.#requests;
  }

  isPipeline(request: Request): boolean {
    return isPipeline(request);
  }

  get(request: Request): ManifestObject | undefined {
    const key = requestKey(request);
    return this.#pipelines.get(key) ?? this.#overlay(key);
  }

  /**
   * Replaces all manifests, and forgets what was written for a pipeline that is gone. Readers see the whole change or none of it.
   * @param requests those of the manifests, by kind, then by name
   * @param stored the conditions already written for pipelines that are new, by request key
   */
  replace(
    manifests: ReadonlyMap<string, Manifest>,
    requests: readonly Request[],
    stored: ReadonlyMap<string, readonly Condition[]>,
  ): void {
    this.#manifests = manifests;
    for (const [key, conditions] of stored) this.#setOwn(key, conditions, isOwnInFile);
    this.#requests = requests;
    this.#pipelineRequests = requests.every(isPipeline) ? requests : requests.filter(isPipeline);
    for (const key of this.#own.keys()) if (!manifests.has(key)) this.#own.delete(key);
    this.#pipelines.clear();
  }

  /** Remembers the conditions that were written. Does nothing if the pipeline no longer exists. */
  setWritten(request: Request, conditions: readonly Condition[]): void {
    const key = requestKey(request);
    if (!this.#manifests.has(key)) return;
    this.#setOwn(key, conditions, isOwn);
    this.#pipelines.delete(key);
  }

  /** True if the pipeline has a condition of ours. */
  hasWritten(request: Request): boolean {
    return this.#own.has(requestKey(request));
  }

  #setOwn(key: string, conditions: readonly Condition[], isOurs: typeof isOwn): void {
    const described = this.#manifests.get(key)?.pipeline.conditions ?? [];
    const own = conditions.filter((condition) => isOurs(condition, described));
    if (own.length === 0) this.#own.delete(key);
    else this.#own.set(key, own);
  }

  #overlay(key: string): ManifestObject | undefined {
    const manifest = this.#manifests.get(key)?.pipeline;
    if (manifest === undefined) return undefined;
    const own = this.#own.get(key);
    const pipeline =
      own === undefined ? manifest : { ...manifest, conditions: own.reduce(overlay, manifest.conditions) };
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }
}

function isPipeline({ kind, group }: Request): boolean {
  return group === undefined && kymaKindNames.includes(kind);
}

/** What a status file has beside its manifest's types was written here; it may have older values of those. */
function isOwnInFile({ type }: Condition, described: readonly Condition[]): boolean {
  if (type === ownConditionType) return true;
  return !conditionsOfPipelines.has(type) && !described.some((each) => each.type === type);
}

function isOwn(condition: Condition, described: readonly Condition[]): boolean {
  if (condition.type === ownConditionType) return true;
  return !conditionsOfPipelines.has(condition.type) && !described.some((each) => isDeepStrictEqual(each, condition));
}

/** Our condition replaces the manifest's condition of that type, or goes to the end of the list. */
function overlay(conditions: readonly Condition[], own: Condition): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === own.type);
  if (at === -1) return [...conditions, own];
  const others = conditions.filter(({ type }) => type !== own.type);
  return others.toSpliced(at, 0, own);
}
