import { Counter, Gauge } from 'prom-client';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ApiError, MissingRight } from '../api/api-error.ts';
import { objectPath } from '../api-object.ts';
import type { MemoryShare } from '../kept-object.ts';
import type { KnownKind } from './kind-discovery.ts';
import { collectionPath, type ControllerRef, type SeenObject } from './target-object.ts';

/** The memory of the objects that were read to find owners, an estimate in bytes; beyond it, those used longest ago are forgotten. */
export const ownerCacheBytes = 4 * 1024 * 1024;

/** How long an answer is used before the object is read again, in milliseconds: if it was found, if not, if it could not be read. */
const foundMs = 60_000;
/** The same for a pod that has an owner: it keeps it while it lives. {@link MetadataReads.doubt} is for another one of its name. */
const foundPodMs = 3_600_000;
const goneMs = 15_000;
const failedMs = 5_000;

/** How long an object that is gone is remembered, in milliseconds. */
export const rememberedMs = 3_600_000;

export interface ReadObject extends SeenObject {
  readonly controller: ControllerRef | undefined;
}

export type ReadAnswer =
  | { readonly state: 'found'; readonly object: ReadObject }
  /** `last`: what was known of it at most {@link rememberedMs} ago. */
  | { readonly state: 'gone'; readonly last: ReadObject | undefined }
  | { readonly state: 'failed'; readonly error: ApiError; readonly last: ReadObject | undefined }
  | { readonly state: 'forbidden'; readonly error: ApiError; readonly right: MissingRight | undefined };

interface Entry {
  answer: ReadAnswer;
  answeredAt: number;
  last: ReadObject | undefined;
  /** When `last` was seen. */
  seenAt: number;
}

export interface MetadataCacheOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** Of the memory for objects that triggers choose. */
  readonly memory: MemoryShare;
}

/** What was read of single objects, by their paths: for as long as it is used, and of what is gone for an hour. */
export class MetadataCache {
  readonly #options: MetadataCacheOptions;
  readonly #fullLine: LineOnceAWhile;
  readonly #evicted: Counter;
  /** In the order of their last use, the latest at the end. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: MetadataCacheOptions) {
    this.#options = options;
    this.#fullLine = new LineOnceAWhile(options.clock);
    this.#evicted = createMetrics(options, () => this.#entries.size);
  }

  /** The answer, if it may be used still. */
  fresh(kind: KnownKind, path: string): ReadAnswer | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined || !this.#isFresh(entry, isPod(kind))) return undefined;
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    return entry.answer;
  }

  /** What was read of an object, however long ago. */
  lastSeen(path: string): SeenObject | undefined {
    const entry = this.#entries.get(path);
    return entry?.answer.state === 'found' ? entry.last : undefined;
  }

  /** The owner of a pod is not there: it may be another pod of that name. @returns whether it is read again when somebody asks */
  doubt(kind: KnownKind, namespace: string | undefined, name: string): boolean {
    const entry = this.#entries.get(objectPath(collectionPath(kind), namespace, name));
    if (entry === undefined || this.#isFresh(entry, false)) return false;
    entry.answeredAt = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** The object turned out to be gone, or another one: it is read again when somebody asks. */
  forget(path: string): void {
    this.#drop(path);
  }

  /** What was known of an object that is gone. */
  lastOf(path: string): ReadObject | undefined {
    const entry = this.#entries.get(path);
    return entry !== undefined && this.#age(entry.seenAt) <= rememberedMs ? entry.last : undefined;
  }

  keep(path: string, answer: ReadAnswer, last: ReadObject | undefined): ReadAnswer {
    const now = this.#options.clock.now();
    const seenAt = answer.state === 'found' ? now : (this.#entries.get(path)?.seenAt ?? now);
    this.#entries.delete(path);
    this.#makeRoom(path, bytesOf(path, last));
    this.#entries.set(path, { answer, answeredAt: now, last, seenAt });
    return answer;
  }

  #makeRoom(path: string, bytes: number): void {
    const { memory, logger } = this.#options;
    while (!memory.hold(path, bytes) || memory.bytes > ownerCacheBytes) {
      const [oldest] = this.#entries.keys();
      if (oldest === undefined) return;
      this.#drop(oldest);
      this.#evicted.inc();
      if (!this.#fullLine.allows()) continue;
      const message = 'the objects that were read to find owners take all of their memory; the oldest are forgotten';
      logger.warn('owner.cache_full', message, { max_bytes: ownerCacheBytes, objects: this.#entries.size });
    }
  }

  #drop(path: string): void {
    this.#entries.delete(path);
    this.#options.memory.release(path);
  }

  #isFresh({ answer, answeredAt }: Entry, isLasting: boolean): boolean {
    const age = this.#age(answeredAt);
    const { state } = answer;
    if (state === 'found') return age < (isLasting && answer.object.controller !== undefined ? foundPodMs : foundMs);
    return age < (state === 'failed' ? failedMs : goneMs);
  }

  #age(since: number): number {
    return Math.abs(this.#options.clock.now() - since);
  }
}

function isPod({ group, resource }: KnownKind): boolean {
  return group === '' && resource === 'pods';
}

/** Each character takes up to two bytes. */
function bytesOf(path: string, object: ReadObject | undefined): number {
  return 512 + 2 * path.length + (object === undefined ? 0 : 2 * JSON.stringify(object).length);
}

function createMetrics({ registry }: Pick<Runtime, 'registry'>, objects: () => number): Counter {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_owner_cache_objects',
    help: 'Objects that were read to find owners and that are remembered.',
    collect() {
      this.set(objects());
    },
  });
  return new Counter({
    registers,
    name: 'tocsin_owner_cache_evictions_total',
    help: 'Objects that were read to find owners and that were forgotten because their memory was full.',
  });
}
