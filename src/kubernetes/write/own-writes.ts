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
