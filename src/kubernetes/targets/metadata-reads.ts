import { Counter, Gauge } from 'prom-client';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import { withSignal } from '../../runtime/deadline.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { UrgentSignals } from '../../runtime/deadline.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { objectPath, type ApiObject } from '../api-object.ts';
import { asApiObject, metadataMembers, type KeptAnswer } from '../kept-object.ts';
import { metadataOfEach } from '../watch/reflector.ts';
import type { KnownKind } from './kind-discovery.ts';
import { MetadataCache, type MetadataCacheOptions, type ReadAnswer } from './metadata-cache.ts';
import { collectionPath, readController, readLabels } from './target-object.ts';

/** Reads of objects, to find owners, per second, and at once after a pause. */
export const ownerReadsPerSecond = 20;
export const ownerReadsAtOnce = 100;

/** The memory limit for what is kept of one object, in bytes. */
const objectBytes = 64 * 1024;

interface Flight {
  readonly answer: Promise<ReadAnswer>;
  readonly abort: AbortController;
  waiting: number;
}

export interface MetadataReadsOptions extends MetadataCacheOptions {
  readonly client: Pick<ApiClient, 'call'>;
  /** The signals of callers that go before others. */
  readonly urgent?: UrgentSignals | undefined;
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
  readonly #metrics: ReadMetrics;
  /** What was read. */
  readonly cache: MetadataCache;
  readonly #flights = new Map<string, Flight>();

  constructor(options: MetadataReadsOptions) {
    const { clock } = options;
    this.#options = options;
    this.#bucket = new TokenBucket({ clock, intervalMs: 1000 / ownerReadsPerSecond, burst: ownerReadsAtOnce });
    this.#slowLine = new LineOnceAWhile(clock);
    this.cache = new MetadataCache(options);
    this.#metrics = createReadMetrics(options, () => this.#flights.size);
  }

  /** Rejects with the signal's reason only. The last one to give up ends the read. */
  async read(kind: KnownKind, namespace: string | undefined, name: string, signal: AbortSignal): Promise<ReadAnswer> {
    const path = objectPath(collectionPath(kind), namespace, name);
    const known = this.cache.fresh(kind, path);
    if (known !== undefined) return known;
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
    return this.cache.keep(path, { state: 'found', object }, object);
  }

  #failed(path: string, error: ApiError): ReadAnswer {
    const last = this.cache.lastOf(path);
    const right = error.missingRight;
    this.#metrics.read(error.status === 404 ? 'gone' : error.status === 403 ? 'forbidden' : 'failed');
    if (error.status === 404) return this.cache.keep(path, { state: 'gone', last }, last);
    if (error.status === 403) return this.cache.keep(path, { state: 'forbidden', error, right }, last);
    return this.cache.keep(path, { state: 'failed', error, last }, last);
  }
}

type ReadResult = 'found' | 'gone' | 'forbidden' | 'failed';

interface ReadMetrics {
  read(result: ReadResult): void;
}

const results: readonly ReadResult[] = ['found', 'gone', 'forbidden', 'failed'];

function createReadMetrics({ registry }: Pick<Runtime, 'registry'>, running: () => number): ReadMetrics {
  const registers = [registry];
  const reads = new Counter({
    registers,
    name: 'tocsin_owner_reads_total',
    help: 'Reads of objects to find what owns a pod, by result.',
    labelNames: ['result'],
  });
  new Gauge({
    registers,
    name: 'tocsin_owner_reads_running',
    help: 'Reads of objects to find owners that run, or wait for their turn; 20 a second are made.',
    collect() {
      this.set(running());
    },
  });
  for (const result of results) reads.inc({ result }, 0);
  return { read: (result) => reads.inc({ result }) };
}
