import type { Selection } from '../text/json-selection.ts';
import { ApiError } from './api/api-error.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import type { ApiObject, ServedResource } from './api-object.ts';
import type { Versioned } from './watch/watch-cache.ts';

/** The memory limit for what is kept of one object of the API server, an estimate in bytes; a larger object is left out. */
export const apiObjectBytes = 256 * 1024;

/** The memory limit for all watched objects together, an estimate in bytes; objects beyond it are left out. */
export const apiObjectsBytes = 32 * 1024 * 1024;

/** The limit for the parts of an answer around its objects, such as the token of a list's next page, in bytes. */
export const apiEnvelopeBytes = 64 * 1024;

/** A cached object; its request is its key in the cache. */
export interface CachedObject extends Versioned {
  readonly request: Request;
}

export function keyOf({ request }: CachedObject): string {
  return requestKey(request);
}

/** What is kept of each object of a watched resource. */
export interface ObjectReader<T extends CachedObject> {
  /** The members that {@link read} gets; see {@link metadataMembers} for those that every reader needs. */
  readonly members: Readonly<Record<string, Selection>>;
  /** True if the API server has to send nothing but the metadata. */
  readonly isMetadataOnly?: boolean;
  readonly read: (object: ApiObject, served: ServedResource) => T;
}

/** Which part of an answer is kept. */
export interface KeptAnswer {
  readonly selection: Selection;
  /** The memory limit, an estimate; more is an ApiError TooLarge. Each element of a list has its own limit. */
  readonly bytes: number;
  /** The longest answer, in bytes; a longer answer is also an ApiError TooLarge. Default 64 MiB. */
  readonly maxTextBytes?: number;
}

/** The members of `metadata` without which an object cannot be cached. */
export const metadataMembers = {
  name: 'scalar',
  namespace: 'scalar',
  uid: 'scalar',
  resourceVersion: 'scalar',
  generation: 'scalar',
} as const satisfies Readonly<Record<string, Selection>>;

const metadata: Selection = { members: metadataMembers };

/** The members of one condition. */
export const conditionMembers: Selection = {
  members: {
    type: 'scalar',
    status: 'scalar',
    reason: 'scalar',
    message: 'scalar',
    lastTransitionTime: 'scalar',
    observedGeneration: 'scalar',
  },
};

/** Of the spec, only the presence of inputs and outputs, and none of their content. */
const spec: Selection = { members: { input: { everyMember: 'presence' }, output: { everyMember: 'presence' } } };

/** The members of an object that a reconcile needs; see {@link ApiObject}. */
export const objectMembers = {
  metadata,
  spec,
  status: { members: { conditions: { everyElement: conditionMembers } } },
} as const satisfies Readonly<Record<string, Selection>>;

/** The part of an object that a reconcile needs. */
export const keptObject: KeptAnswer = { selection: { members: objectMembers }, bytes: apiObjectBytes };

/** For a write that puts all conditions back: includes those of their members that only others know. */
export const keptConditions: KeptAnswer = {
  selection: { members: { metadata, status: { members: { conditions: 'whole' } } } },
  bytes: apiObjectBytes + apiEnvelopeBytes,
};

/** Keeps nothing of the answer, which only has to be JSON. */
export const keptNothing: KeptAnswer = { selection: 'presence', bytes: 0 };

/** Throws ApiError if the value does not have the shape of an object of the API server. */
export function asApiObject(found: unknown, where: string): ApiObject {
  if (isApiObject(found)) return found;
  throw new ApiError(`${where}: the answer is not an object with a name`, { status: 200, reason: 'NotJson' });
}

export function isApiObject(found: unknown): found is ApiObject {
  if (!isJsonObject(found) || !isJsonObject(found['metadata'])) return false;
  const { name, namespace, uid, resourceVersion, generation } = found['metadata'];
  const texts = [namespace, uid, resourceVersion].filter((value) => value !== undefined);
  const isGeneration = generation === undefined || typeof generation === 'number';
  return typeof name === 'string' && isGeneration && texts.every((value) => typeof value === 'string');
}

export function isJsonObject(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

/** The memory of a cached object besides the kept part of the answer: its path, its key, its place in maps, in bytes. */
const cachedObjectBytes = 1024;

/** The memory of all watched objects together, an estimate; each resource has a share of it. */
export class ObjectMemory {
  readonly maxBytes: number;
  readonly #whole: ObjectMemory | undefined;
  readonly #holders = new Set<MemoryShare | ObjectMemory>();

  /** @param whole the memory of which this is a part */
  constructor(maxBytes = apiObjectsBytes, whole?: ObjectMemory) {
    this.maxBytes = maxBytes;
    this.#whole = whole;
  }

  /** A part of this memory that holds at most so many bytes, so that the others always have the rest. */
  part(maxBytes: number): ObjectMemory {
    const part = new ObjectMemory(maxBytes, this);
    this.#holders.add(part);
    return part;
  }

  share(): MemoryShare {
    const share = new MemoryShare(this);
    this.#holders.add(share);
    return share;
  }

  /** True if a holder of this memory may hold so many bytes. */
  fits(holder: MemoryShare | ObjectMemory, bytes: number): boolean {
    const after = this.#besides(holder) + bytes;
    return after <= this.maxBytes && (this.#whole?.fits(this, after) ?? true);
  }

  #besides(share: MemoryShare | ObjectMemory): number {
    let bytes = 0;
    for (const other of this.#holders) if (other !== share) bytes += other.bytes;
    return bytes;
  }

  /** The memory of all that is held, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const holder of this.#holders) bytes += holder.bytes;
    return bytes;
  }

  /** Returns all memory of a share that is no longer in use. */
  end(share: MemoryShare): void {
    this.#holders.delete(share);
  }
}

/**
 * The objects of one resource. While they are listed anew, the old objects are still in memory; they go when the list is complete. The
 * larger of the two sums counts.
 */
export class MemoryShare {
  readonly #memory: ObjectMemory;
  #held = new Map<string, number>();
  #heldBytes = 0;
  #listedBytes = 0;

  constructor(memory: ObjectMemory) {
    this.#memory = memory;
  }

  get bytes(): number {
    return Math.max(this.#heldBytes, this.#listedBytes);
  }

  get maxBytes(): number {
    return this.#memory.maxBytes;
  }

  /** Nothing is held any more, and nothing will be. */
  end(): void {
    this.#memory.end(this);
  }

  /** Reserves memory for one more object of a list. False if there is no room for it. */
  acceptListed(bytes: number): boolean {
    const after = this.#listedBytes + bytes + cachedObjectBytes;
    if (!this.#memory.fits(this, after)) return false;
    this.#listedBytes = after;
    return true;
  }

  /** Returns the memory of objects in a list that are read again. */
  giveBackListed(bytes: number, objects: number): void {
    this.#listedBytes -= bytes + objects * cachedObjectBytes;
  }

  /** The list replaces the objects held so far. */
  replace(listed: ReadonlyMap<string, number>): void {
    this.#held = new Map(listed);
    this.#heldBytes = [...listed.values()].reduce((sum, bytes) => sum + bytes + cachedObjectBytes, 0);
    this.#listedBytes = 0;
  }

  /** To be called when the list has failed. */
  abandonList(): void {
    this.#listedBytes = 0;
  }

  /** One object is added or changed. False if there is no room for it: then neither the object nor its previous version is held. */
  hold(key: string, bytes: number): boolean {
    this.release(key);
    const after = this.#heldBytes + bytes + cachedObjectBytes;
    if (!this.#memory.fits(this, after)) return false;
    this.#held.set(key, bytes);
    this.#heldBytes = after;
    return true;
  }

  release(key: string): void {
    const bytes = this.#held.get(key);
    if (bytes === undefined) return;
    this.#held.delete(key);
    this.#heldBytes -= bytes + cachedObjectBytes;
  }
}
