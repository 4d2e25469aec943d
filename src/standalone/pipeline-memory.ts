import { requestKey, type Condition, type Pipeline, type Request } from '../reconcile/ports.ts';
import { compareRequests, type Manifest } from './manifest-file.ts';
import { slicedSort, type Sliced } from '../runtime/slices.ts';

/** The only condition type that is written here. Every other condition comes from the manifest, so that an edit of it takes effect. */
export const ownConditionType = 'TelemetryFlowHealthy';

/** The requests of the manifests, as {@link PipelineMemory.replace} needs them. */
export function* sortedRequests(manifests: ReadonlyMap<string, Manifest>): Sliced<readonly Request[]> {
  const requests: Request[] = [];
  for (const { pipeline } of manifests.values()) requests.push({ kind: pipeline.kind, name: pipeline.name });
  return yield* slicedSort(requests, compareRequests);
}

/** The pipelines known now: the manifests, overlaid with the condition that was written here. */
export class PipelineMemory {
  #manifests: ReadonlyMap<string, Manifest> = new Map();
  #requests: readonly Request[] = [];
  readonly #own = new Map<string, Condition>();
  /** The pipelines that were asked for. */
  readonly #pipelines = new Map<string, Pipeline>();

  get manifests(): ReadonlyMap<string, Manifest> {
    return this.#manifests;
  }

  /** By kind, then by name. */
  list(): readonly Request[] {
    return this.#requests;
  }

  get(request: Request): Pipeline | undefined {
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
    for (const [key, conditions] of stored) this.#setOwn(key, conditions);
    this.#manifests = manifests;
    this.#requests = requests;
    for (const key of this.#own.keys()) if (!manifests.has(key)) this.#own.delete(key);
    this.#pipelines.clear();
  }

  /** Remembers the conditions that were written. Does nothing if the pipeline no longer exists. */
  setWritten(request: Request, conditions: readonly Condition[]): void {
    const key = requestKey(request);
    if (!this.#manifests.has(key)) return;
    this.#setOwn(key, conditions);
    this.#pipelines.delete(key);
  }

  /** True if the pipeline has a condition of ours. */
  hasWritten(request: Request): boolean {
    return this.#own.has(requestKey(request));
  }

  #setOwn(key: string, conditions: readonly Condition[]): void {
    const own = conditions.find(({ type }) => type === ownConditionType);
    if (own === undefined) this.#own.delete(key);
    else this.#own.set(key, own);
  }

  #overlay(key: string): Pipeline | undefined {
    const manifest = this.#manifests.get(key)?.pipeline;
    if (manifest === undefined) return undefined;
    const own = this.#own.get(key);
    const pipeline = own === undefined ? manifest : { ...manifest, conditions: overlay(manifest.conditions, own) };
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }
}

/** Our condition replaces the manifest's condition of that type, or goes to the end of the list. */
function overlay(conditions: readonly Condition[], own: Condition): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === own.type);
  if (at === -1) return [...conditions, own];
  const others = conditions.filter(({ type }) => type !== own.type);
  return others.toSpliced(at, 0, own);
}
