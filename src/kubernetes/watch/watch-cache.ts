/** What of an object says which one it is, and in which version. */
export interface Versioned {
  readonly uid: string;
  readonly resourceVersion: string;
}

export type CacheChange<T> =
  | { readonly kind: 'added'; readonly after: T }
  | { readonly kind: 'changed'; readonly before: T; readonly after: T }
  | { readonly kind: 'deleted'; readonly before: T };

/** An event of a watch that is about an object. */
export type ObjectEvent = 'ADDED' | 'MODIFIED' | 'DELETED';

/** The objects of one list and the watch after it, by key, and up to which version of the collection they are known. */
export class WatchCache<T extends Versioned> {
  #objects = new Map<string, T>();
  #resourceVersion = '';

  /** Where a watch goes on; it means something after the first list. */
  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  /** Takes a list for all there is, and tells what is different: also what vanished while nobody watched. */
  replace(objects: ReadonlyMap<string, T>, resourceVersion: string): readonly CacheChange<T>[] {
    const old = this.#objects;
    const changes: CacheChange<T>[] = [];
    for (const [key, before] of old) if (!objects.has(key)) changes.push({ kind: 'deleted', before });
    for (const [key, after] of objects) {
      const change = difference(old.get(key), after);
      if (change !== undefined) changes.push(change);
    }
    this.#objects = new Map(objects);
    this.#resourceVersion = resourceVersion;
    return changes;
  }

  /** Takes one event of the watch; undefined if it tells nothing new. */
  apply(event: ObjectEvent, key: string, object: T): CacheChange<T> | undefined {
    this.#resourceVersion = object.resourceVersion;
    const before = this.#objects.get(key);
    if (event !== 'DELETED') {
      this.#objects.set(key, object);
      return difference(before, object);
    }
    this.#objects.delete(key);
    return before === undefined ? undefined : { kind: 'deleted', before };
  }

  /** A bookmark: everything up to this version has been seen. */
  advance(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
  }
}

function difference<T extends Versioned>(before: T | undefined, after: T): CacheChange<T> | undefined {
  if (before === undefined) return { kind: 'added', after };
  const isSame = before.uid === after.uid && before.resourceVersion === after.resourceVersion;
  return isSame ? undefined : { kind: 'changed', before, after };
}
