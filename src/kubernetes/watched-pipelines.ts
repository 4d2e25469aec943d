import { requestKey, type Request } from '../reconcile/ports.ts';
import type { CachedPipeline } from './pipeline-object.ts';
import type { Reflector } from './watch/reflector.ts';
import type { CacheChange } from './watch/watch-cache.ts';

/** What all reflectors together hold: two entries of the configuration may watch the same object. */
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

  /** By kind, then by namespace and name; kept until {@link forgetList}. */
  list(): readonly Request[] {
    this.#requests ??= this.#collect();
    return this.#requests;
  }

  /** To be called when an object came or went. */
  forgetList(): void {
    this.#requests = undefined;
  }

  /** True if one comes or goes that another entry of the configuration shows as well: then it was, or still is, there. */
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
