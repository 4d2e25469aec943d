import type { Selection } from '../text/json-selection.ts';
import { ApiError } from './api/api-error.ts';
import type { ApiObject } from './pipeline-object.ts';

/** What of one object of the API server may be kept, by estimate, bytes: over it the object is left out. */
export const apiObjectBytes = 256 * 1024;

/** What all watched objects may take together, by estimate, bytes: over it further ones are left out. */
export const apiObjectsBytes = 64 * 1024 * 1024;

/** What may be kept of what stands around the objects of an answer, such as the token of a list's next page, bytes. */
export const apiEnvelopeBytes = 64 * 1024;

/** What of an answer is kept. */
export interface KeptAnswer {
  readonly selection: Selection;
  /** What it may take in memory, by estimate; more is an ApiError TooLarge. Of the elements of a list each has its own. */
  readonly bytes: number;
  /** The longest answer that is read, bytes; a longer one is an ApiError TooLarge as well. Default 64 MiB. */
  readonly maxTextBytes?: number;
}

const metadata: Selection = {
  members: { name: 'scalar', namespace: 'scalar', uid: 'scalar', resourceVersion: 'scalar', generation: 'scalar' },
};

const condition: Selection = {
  members: {
    type: 'scalar',
    status: 'scalar',
    reason: 'scalar',
    message: 'scalar',
    lastTransitionTime: 'scalar',
    observedGeneration: 'scalar',
  },
};

/** Of the spec only which inputs and outputs there are, and nothing of what is in them. */
const spec: Selection = { members: { input: { everyMember: 'presence' }, output: { everyMember: 'presence' } } };

/** Of each member of an object that a reconcile needs; see {@link ApiObject}. */
export const objectMembers = {
  metadata,
  spec,
  status: { members: { conditions: { everyElement: condition } } },
} as const satisfies Readonly<Record<string, Selection>>;

/** What a reconcile needs of an object. */
export const keptObject: KeptAnswer = { selection: { members: objectMembers }, bytes: apiObjectBytes };

/** For a write that puts all conditions back: also those members of them that only others know. */
export const keptConditions: KeptAnswer = {
  selection: { members: { metadata, status: { members: { conditions: 'whole' } } } },
  bytes: apiObjectBytes + apiEnvelopeBytes,
};

/** That of the answer nothing is needed: it only has to be JSON. */
export const keptNothing: KeptAnswer = { selection: 'presence', bytes: 0 };

/** Throws ApiError if it is no object as the API server has them. */
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

/** What a cached object takes besides what is kept of the answer about it: its path, its key, its place in maps, bytes. */
const cachedObjectBytes = 1024;

/** What all watched objects may take together, by estimate; each resource has a share of it. */
export class ObjectMemory {
  readonly maxBytes: number;
  readonly #shares: MemoryShare[] = [];

  constructor(maxBytes = apiObjectsBytes) {
    this.maxBytes = maxBytes;
  }

  share(): MemoryShare {
    const share = new MemoryShare(this);
    this.#shares.push(share);
    return share;
  }

  /** What all but one share take, bytes. */
  besides(share: MemoryShare): number {
    return this.#shares.reduce((sum, other) => (other === share ? sum : sum + other.bytes), 0);
  }
}

/**
 * The objects of one resource. While they are listed anew the old ones are still there, and go when the list is whole: the larger of
 * the two counts.
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

  /** For one more object of a list. False if there is no room for it. */
  acceptListed(bytes: number): boolean {
    const after = this.#listedBytes + bytes + cachedObjectBytes;
    if (this.#memory.besides(this) + after > this.#memory.maxBytes) return false;
    this.#listedBytes = after;
    return true;
  }

  /** For objects of a list that are read again. */
  giveBackListed(bytes: number, objects: number): void {
    this.#listedBytes -= bytes + objects * cachedObjectBytes;
  }

  /** The list takes the place of what was held. */
  replace(listed: ReadonlyMap<string, number>): void {
    this.#held = new Map(listed);
    this.#heldBytes = [...listed.values()].reduce((sum, bytes) => sum + bytes + cachedObjectBytes, 0);
    this.#listedBytes = 0;
  }

  /** The list failed. */
  abandonList(): void {
    this.#listedBytes = 0;
  }

  /** One object comes or changes. False if there is no room for it: then it is not held, nor is what it was before. */
  hold(key: string, bytes: number): boolean {
    this.release(key);
    const after = this.#heldBytes + bytes + cachedObjectBytes;
    if (this.#memory.besides(this) + after > this.#memory.maxBytes) return false;
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
