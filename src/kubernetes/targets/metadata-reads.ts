import { Counter, Gauge } from 'prom-client';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import { withSignal } from '../../runtime/deadline.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { UrgentSignals } from '../../runtime/urgent-signals.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError, type MissingRight } from '../api/api-error.ts';
import { objectPath, type ApiObject } from '../api-object.ts';
import { asApiObject, metadataMembers, type KeptAnswer, type MemoryShare } from '../kept-object.ts';
import { metadataOfEach } from '../watch/reflector.ts';
import type { KnownKind } from './kind-discovery.ts';
import { collectionPath, readController, readLabels, type ControllerRef, type SeenObject } from './target-object.ts';

/** The memory of the objects that were read to find owners, an estimate in bytes; beyond it, those used longest ago are forgotten. */
export const ownerCacheBytes = 4 * 1024 * 1024;

/** Reads of objects, to find owners, per second, and at once after a pause. */
export const ownerReadsPerSecond = 20;
export const ownerReadsAtOnce = 100;

/** How long an answer is used before the object is read again, in milliseconds: if it was found, if not, if it could not be read. */
const foundMs = 60_000;
/** The same for a pod that has an owner: it keeps it while it lives. {@link MetadataReads.doubt} is for another one of its name. */
const foundPodMs = 3_600_000;
const goneMs = 15_000;
const failedMs = 5_000;

/** How long an object that is gone is remembered, in milliseconds. */
export const rememberedMs = 3_600_000;

/** The memory limit for what is kept of one object, in bytes. */
const objectBytes = 64 * 1024;

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

interface Flight {
  readonly answer: Promise<ReadAnswer>;
  readonly abort: AbortController;
  waiting: number;
}

export interface MetadataReadsOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly client: Pick<ApiClient, 'call'>;
  /** The signals of callers that go before others. */
  readonly urgent?: UrgentSignals | undefined;
  /** Of the memory for objects that triggers choose. */
  readonly memory: MemoryShare;
}

const keep: KeptAnswer = {
  selection: {
    members: {
      metadata: {
        members: {
          ...metadataMembers,
          labels: { everyMember: 'scalar' },
          ownerReferences: {
            everyElement: {
              members: { apiVersion: 'scalar', kind: 'scalar', name: 'scalar', uid: 'scalar', controller: 'scalar' },
            },
          },
        },
      },
    },
  },
  bytes: objectBytes,
};

/** Reads the metadata of single objects, through a bounded cache, only so many a second, and each object once for all who ask at a time. */
export class MetadataReads {
  readonly #options: MetadataReadsOptions;
  readonly #bucket: TokenBucket;
  readonly #slowLine: LineOnceAWhile;
  readonly #fullLine: LineOnceAWhile;
  readonly #metrics: ReadMetrics;
  /** In the order of their last use, the latest at the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new Map<string, Flight>();

  constructor(options: MetadataReadsOptions) {
    const { clock } = options;
    this.#options = options;
    this.#bucket = new TokenBucket({ clock, intervalMs: 1000 / ownerReadsPerSecond, burst: ownerReadsAtOnce });
    this.#slowLine = new LineOnceAWhile(clock);
    this.#fullLine = new LineOnceAWhile(clock);
    this.#metrics = createReadMetrics(options, () => ({
      cached: this.#entries.size,
      running: this.#flights.size,
    }));
  }

  /** Rejects with the signal's reason only. The last one to give up ends the read. */
  async read(kind: KnownKind, namespace: string | undefined, name: string, signal: AbortSignal): Promise<ReadAnswer> {
    const path = objectPath(collectionPath(kind), namespace, name);
    const entry = this.#entries.get(path);
    if (entry !== undefined && this.#isFresh(entry, isPod(kind))) return this.#use(path, entry).answer;
    signal.throwIfAborted();
    // What waits already may wait behind thousands of others.
    const isUrgent = this.#options.urgent?.has(signal) ?? false;
    const key = isUrgent ? `urgent ${path}` : path;
    const flight = this.#flights.get(key) ?? this.#start(path, key, isUrgent);
    flight.waiting++;
    try {
      return await withSignal(flight.answer, signal);
    } finally {
      if (--flight.waiting === 0 && this.#flights.get(key) === flight) {
        this.#flights.delete(key);
        flight.abort.abort(new Error('nobody waits for it any more'));
      }
    }
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

  /** Ends all reads. */
  close(): void {
    for (const { abort } of this.#flights.values()) abort.abort(new Error('the targets are closed'));
  }

  #start(path: string, key: string, isUrgent: boolean): Flight {
    const abort = new AbortController();
    if (isUrgent) this.#options.urgent?.add(abort.signal);
    const answer = this.#ask(path, abort.signal).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    // Whoever waits hears of a failure; if nobody does, it has no meaning.
    answer.catch(() => undefined);
    const flight = { answer, abort, waiting: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  async #ask(path: string, signal: AbortSignal): Promise<ReadAnswer> {
    const waitedMs = await this.#bucket.acquire(signal, this.#options.urgent?.has(signal));
    if (waitedMs >= 1000 && this.#slowLine.allows()) {
      const fields = { waited_ms: Math.round(waitedMs), waiting: this.#flights.size, per_second: ownerReadsPerSecond };
      const message = 'owners of pods are sought faster than objects may be read; the reads wait for their turn';
      this.#options.logger.warn('owner.reads_limited', message, fields);
    }
    const accept = metadataOfEach;
    try {
      const found = await this.#options.client.call({ method: 'GET', path, accept, keep, signal });
      return this.#found(path, asApiObject(found, `GET ${path}`));
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(
        path,
        error instanceof ApiError ? error : new ApiError(String(error), { reason: 'Defect', cause: error }),
      );
    }
  }

  #found(path: string, { metadata }: ApiObject): ReadAnswer {
    const { uid = '', generation = 1, labels, ownerReferences } = metadata;
    const object = { uid, generation, labels: readLabels(labels), controller: readController(ownerReferences) };
    this.#metrics.read('found');
    return this.#keep(path, { state: 'found', object }, object);
  }

  #failed(path: string, error: ApiError): ReadAnswer {
    const last = this.#lastOf(path);
    const right = error.missingRight;
    this.#metrics.read(error.status === 404 ? 'gone' : error.status === 403 ? 'forbidden' : 'failed');
    if (error.status === 404) return this.#keep(path, { state: 'gone', last }, last);
    if (error.status === 403) return this.#keep(path, { state: 'forbidden', error, right }, last);
    return this.#keep(path, { state: 'failed', error, last }, last);
  }

  #lastOf(path: string): ReadObject | undefined {
    const entry = this.#entries.get(path);
    return entry !== undefined && this.#age(entry.seenAt) <= rememberedMs ? entry.last : undefined;
  }

  #keep(path: string, answer: ReadAnswer, last: ReadObject | undefined): ReadAnswer {
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
      this.#metrics.evicted();
      if (!this.#fullLine.allows()) continue;
      const message = 'the objects that were read to find owners take all of their memory; the oldest are forgotten';
      logger.warn('owner.cache_full', message, { max_bytes: ownerCacheBytes, objects: this.#entries.size });
    }
  }

  #use(path: string, entry: Entry): Entry {
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    return entry;
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

type ReadResult = 'found' | 'gone' | 'forbidden' | 'failed';

interface ReadMetrics {
  read(result: ReadResult): void;
  evicted(): void;
}

const results: readonly ReadResult[] = ['found', 'gone', 'forbidden', 'failed'];

function createReadMetrics(
  { registry }: Pick<Runtime, 'registry'>,
  figures: () => { readonly cached: number; readonly running: number },
): ReadMetrics {
  const registers = [registry];
  const reads = new Counter({
    registers,
    name: 'tocsin_owner_reads_total',
    help: 'Reads of objects to find what owns a pod, by result.',
    labelNames: ['result'],
  });
  const evictions = new Counter({
    registers,
    name: 'tocsin_owner_cache_evictions_total',
    help: 'Objects that were read to find owners and that were forgotten because their memory was full.',
  });
  new Gauge({
    registers,
    name: 'tocsin_owner_cache_objects',
    help: 'Objects that were read to find owners and that are remembered.',
    collect() {
      this.set(figures().cached);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_owner_reads_running',
    help: 'Reads of objects to find owners that run, or wait for their turn; 20 a second are made.',
    collect() {
      this.set(figures().running);
    },
  });
  for (const result of results) reads.inc({ result }, 0);
  return { read: (result) => reads.inc({ result }), evicted: () => evictions.inc() };
}
