import { requestKey, type Request } from '../reconcile/ports.ts';
import type { CachedPipeline } from './pipeline-object.ts';
import type { Reflector } from './watch/reflector.ts';
import type { CacheChange } from './watch/watch-cache.ts';

/** The objects of all reflectors together: two entries of the configuration may watch the same object. */
export class WatchedPipelines {
  readonly #reflectors: readonly Pick<Reflector, 'objects'>[];
  #requests: readonly Request[] | undefined;

  constructor(reflectors: readonly Pick<Reflector, 'objects'>[]) {
    this.#reflectors = reflectors;
  }

  get(key: string): CachedPipeline | undefined {
    for (const { objects } of this.#reflectors) {
      const found = objects.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** By kind, then by namespace and name; cached until {@link forgetList}. */
  list(): readonly Request[] {
    this.#requests ??= this.#collect();
    return this.#requests;
  }

  /** To be called when an object was added or removed. */
  forgetList(): void {
    this.#requests = undefined;
  }

  /** True if another entry of the configuration shows the same object: then its addition or removal is not one. */
  isElsewhere(kind: CacheChange<CachedPipeline>['kind'], request: Request): boolean {
    const key = requestKey(request);
    const shown = this.#reflectors.filter(({ objects }) => objects.get(key) !== undefined).length;
    return kind === 'added' ? shown > 1 : kind === 'deleted' && shown > 0;
  }

  #collect(): readonly Request[] {
    const found = new Map<string, Request>();
    for (const { objects } of this.#reflectors) {
      for (const { request } of objects.values()) found.set(requestKey(request), request);
    }
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
  }
}
