import type { Sliced } from '../../runtime/slices.ts';

/** The parts of an object that say which object it is, and in which version. */
export interface Versioned {
  readonly uid: string;
  readonly resourceVersion: string;
}

export type CacheChange<T> =
  | { readonly kind: 'added'; readonly after: T }
  | { readonly kind: 'changed'; readonly before: T; readonly after: T }
  | { readonly kind: 'deleted'; readonly before: T };

/** A watch event that is about an object. */
export type ObjectEvent = 'ADDED' | 'MODIFIED' | 'DELETED';

/** A list, and the changes that it makes. */
export interface ComparedList<T> {
  readonly objects: Map<string, T>;
  readonly changes: readonly CacheChange<T>[];
}

/** The objects of one list and of the watch after it, by key, and the version of the collection up to which they are known. */
export class WatchCache<T extends Versioned> {
  #objects = new Map<string, T>();
  #resourceVersion = '';

  /** The version from which a watch goes on; it is valid after the first list. */
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

  /**
   * The changes that a complete list would make, including objects that vanished while nobody watched. Nothing may be applied to the
   * cache until {@link replace} has been called with the result.
   */
  *compare(listed: Iterable<readonly [key: string, object: T]>): Sliced<ComparedList<T>> {
    const objects = new Map<string, T>();
    const changes: CacheChange<T>[] = [];
    for (const [key, object] of listed) {
      objects.set(key, object);
      yield;
    }
    for (const [key, before] of this.#objects) {
      if (!objects.has(key)) changes.push({ kind: 'deleted', before });
      yield;
    }
    for (const [key, after] of objects) {
      const change = difference(this.#objects.get(key), after);
      if (change !== undefined) changes.push(change);
      yield;
    }
    return { objects, changes };
  }

  /** Replaces all objects with those of a list. */
  replace(objects: Map<string, T>, resourceVersion: string): void {
    this.#objects = objects;
    this.#resourceVersion = resourceVersion;
  }

  /** Applies one event of the watch; undefined if it contains nothing new. */
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

  /** Applies a bookmark: everything up to this version has been seen. */
  advance(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
  }
}

function difference<T extends Versioned>(before: T | undefined, after: T): CacheChange<T> | undefined {
  if (before === undefined) return { kind: 'added', after };
  const isSame = before.uid === after.uid && before.resourceVersion === after.resourceVersion;
  return isSame ? undefined : { kind: 'changed', before, after };
}

/** Resource versions are decimal numbers of any length, and those of one resource can be compared (KEP-5504). */
export function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return BigInt(a) < BigInt(b);
}
