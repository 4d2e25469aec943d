import { isOlder, type Versioned } from '../watch/watch-cache.ts';

/**
 * What was written and has not yet come back through the watch. Without this, a reconcile right after a write would see the state
 * before that write, could find nothing to do although there is something, and nobody would wake it again.
 */
export class OwnWrites<T extends Versioned> {
  readonly #written = new Map<string, T>();

  /** How many writes have not come back, or whose object nobody has asked for since. */
  get size(): number {
    return this.#written.size;
  }

  add(key: string, written: T): void {
    this.#written.set(key, written);
  }

  /** The newer of the written object and the cached one. Forgets the written object once the cache has caught up. */
  latest(key: string, cached: T | undefined): T | undefined {
    const written = this.#written.get(key);
    if (written === undefined) return cached;
    if (cached?.uid === written.uid && isOlder(cached.resourceVersion, written.resourceVersion)) return written;
    this.#written.delete(key);
    return cached;
  }
}

/** The most objects about which there is a doubt that are remembered; beyond that, the oldest doubt is given up. */
const maxDoubts = 65_536;

/** What tells one version of an object from another. */
interface Place {
  /** The path of the object. */
  readonly path: string;
  /** Of the cache's object; empty if it is not watched. */
  readonly resourceVersion: string;
}

/**
 * The objects of which the cache knows less than somebody has seen: a write had no answer, and may have been done all the same, or a
 * read showed a newer version. Until the watch tells it, nothing may be concluded from the cache.
 */
export class Doubts {
  /** By path, the version that ends the doubt once the cache has it; undefined while no read has shown it. */
  readonly #doubts = new Map<string, string | undefined>();

  /** A write may have been done. */
  add(path: string): void {
    this.#set(path, undefined);
  }

  /** The object was read. If it is not watched, its first list may be older than the answer. */
  read({ path, resourceVersion: cached }: Place, version: string): void {
    if (cached === '' || isOlder(cached, version)) this.#set(path, version);
    else this.#doubts.delete(path);
  }

  /** A write was answered. {@link OwnWrites} remembers it for an object that is watched; for another one, see {@link read}. */
  written({ path, resourceVersion: cached }: Place, version: string): void {
    if (cached === '') this.#set(path, version);
    else this.#doubts.delete(path);
  }

  /** The object is gone. */
  end(path: string): void {
    this.#doubts.delete(path);
  }

  /** True of an object that has to be read first. Ends the doubt once the cache has caught up. An object that is not watched is read anyway. */
  has({ path, resourceVersion }: Place): boolean {
    if (!this.#doubts.has(path)) return false;
    const version = this.#doubts.get(path);
    if (version === undefined || isOlder(resourceVersion, version)) return true;
    if (resourceVersion !== '') this.#doubts.delete(path);
    return false;
  }

  #set(path: string, version: string | undefined): void {
    this.#doubts.delete(path);
    this.#doubts.set(path, version);
    if (this.#doubts.size > maxDoubts) this.#doubts.delete(this.#doubts.keys().next().value!);
  }
}

/** The most objects whose UIDs are remembered. */
const maxUids = 4096;

/** The UIDs that writes have shown of objects that nobody watches, by request key. The one written longest ago is forgotten. */
export class WrittenUids {
  /** The latest at the end. */
  readonly #uids = new Map<string, string>();

  get(key: string): string | undefined {
    return this.#uids.get(key);
  }

  add(key: string, uid: string): void {
    this.#uids.delete(key);
    this.#uids.set(key, uid);
    for (const [oldest] of this.#uids) {
      if (this.#uids.size <= maxUids) return;
      this.#uids.delete(oldest);
    }
  }
}
