import type { CachedPipeline } from './pipeline-object.ts';

/**
 * What was written and has not come back through the watch yet. Without it, a reconcile right after a write would look at
 * what that write has replaced, could find nothing to do where there is something, and nobody would wake it again.
 */
export class OwnWrites {
  readonly #written = new Map<string, CachedPipeline>();

  /** How many have not come back, or have not been asked for since. */
  get size(): number {
    return this.#written.size;
  }

  add(key: string, written: CachedPipeline): void {
    this.#written.set(key, written);
  }

  /** The newer of what was written and what the cache holds; what the cache has caught up with is forgotten. */
  latest(key: string, cached: CachedPipeline | undefined): CachedPipeline | undefined {
    const written = this.#written.get(key);
    if (written === undefined) return cached;
    if (cached?.uid === written.uid && isOlder(cached.resourceVersion, written.resourceVersion)) return written;
    this.#written.delete(key);
    return cached;
  }
}

/** Resource versions are decimal numbers of any length, and those of one resource can be compared (KEP-5504). */
function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return BigInt(a) < BigInt(b);
}
