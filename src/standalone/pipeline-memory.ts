import type { Condition, Pipeline } from '../reconcile/ports.ts';
import type { Request } from '../reconcile/request.ts';
import { requestKey } from '../reconcile/request.ts';
import type { Manifest } from './manifest-merge.ts';
import { compareRequests } from './manifest-merge.ts';

/** The only type of condition that is written here; every other one is the manifest's, so that an edit of it takes effect. */
export const ownConditionType = 'TelemetryFlowHealthy';

/** The pipelines known now: what the manifests say, overlaid with the condition that was written here. */
export class PipelineMemory {
  #manifests: ReadonlyMap<string, Manifest> = new Map();
  #requests: readonly Request[] = [];
  readonly #own = new Map<string, Condition>();
  readonly #pipelines = new Map<string, Pipeline>();

  get manifests(): ReadonlyMap<string, Manifest> {
    return this.#manifests;
  }

  /** By kind, then by name. */
  list(): readonly Request[] {
    return this.#requests;
  }

  get(request: Request): Pipeline | undefined {
    return this.#pipelines.get(requestKey(request));
  }

  /**
   * Takes the manifests for all there are; what was written for a pipeline that is gone is forgotten.
   * @param stored what is already written for pipelines that are new, by request key
   */
  replace(manifests: ReadonlyMap<string, Manifest>, stored: ReadonlyMap<string, readonly Condition[]>): void {
    for (const [key, conditions] of stored) this.#setOwn(key, conditions);
    this.#manifests = manifests;
    this.#requests = [...manifests.values()]
      .map(({ pipeline: { kind, name } }) => ({ kind, name }))
      .toSorted(compareRequests);
    for (const key of this.#own.keys()) if (!manifests.has(key)) this.#own.delete(key);
    this.#pipelines.clear();
    for (const key of manifests.keys()) this.#overlay(key);
  }

  /** Remembers the conditions that were written. Does nothing if the pipeline has gone meanwhile. */
  setWritten(request: Request, conditions: readonly Condition[]): void {
    const key = requestKey(request);
    if (!this.#manifests.has(key)) return;
    this.#setOwn(key, conditions);
    this.#overlay(key);
  }

  /** True if a condition of ours is on the pipeline. */
  hasWritten(request: Request): boolean {
    return this.#own.has(requestKey(request));
  }

  #setOwn(key: string, conditions: readonly Condition[]): void {
    const own = conditions.find(({ type }) => type === ownConditionType);
    if (own === undefined) this.#own.delete(key);
    else this.#own.set(key, own);
  }

  #overlay(key: string): void {
    const pipeline = this.#manifests.get(key)?.pipeline;
    if (pipeline === undefined) return;
    const own = this.#own.get(key);
    this.#pipelines.set(
      key,
      own === undefined ? pipeline : { ...pipeline, conditions: overlay(pipeline.conditions, own) },
    );
  }
}

/** Ours takes the place of the manifest's condition of that type, or the end of the list. */
function overlay(conditions: readonly Condition[], own: Condition): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === own.type);
  if (at === -1) return [...conditions, own];
  const others = conditions.filter(({ type }) => type !== own.type);
  return others.toSpliced(at, 0, own);
}
