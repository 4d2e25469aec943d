import type { Allowance } from '../../text/json-selection.ts';
import type { Clock } from '../../runtime/clock.ts';
import { inSlices, Slices, type SliceSchedule } from '../../runtime/slices.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import {
  bytesOf,
  discover,
  listObjects,
  tellLeftOut,
  type LeftOut,
  type LeftOutListener,
  type LeftOutReason,
  type ListedObject,
  type ListedObjects,
} from './list-objects.ts';
import { keyOf, type CachedObject, type MemoryShare, type ObjectReader } from '../kept-object.ts';
import {
  apiVersionOf,
  resourceName,
  type ApiObject,
  type ServedResource,
  type WatchedResource,
} from '../api-object.ts';
import type { ReflectorReport } from './reflector-report.ts';
import { initialState, nextStep, type PhaseOutcome, type ReflectorState } from './reflector-steps.ts';
import { sleep } from '../../runtime/deadline.ts';
import { WatchCache, type CacheChange } from './watch-cache.ts';
import { watchStream, type ReceivedEvent } from './watch-stream.ts';

export interface ReflectorOptions<T extends CachedObject> {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly clock: Clock;
  readonly report: ReflectorReport;
  readonly watched: WatchedResource;
  /** What is kept of each object. */
  readonly reader: ObjectReader<T>;
  /** Finds the resource in place of {@link discover}. Undefined: it is not installed. Rejects with ApiError. */
  readonly discover?: (signal: AbortSignal) => Promise<ServedResource | undefined>;
  /** Called after each phase; must not throw. */
  readonly onOutcome?: (outcome: PhaseOutcome) => void;
  /** Called when the API server begins to answer a watch; must not throw. */
  readonly onWatching?: () => void;
  /** Events are read within its slices. */
  readonly schedule: SliceSchedule;
  /** This resource's share of the memory for all watched objects. */
  readonly memory: MemoryShare;
  /** Called when the cache shows the change; must not throw. */
  readonly onChange: (change: CacheChange<T>) => void;
  /** Hears of objects that are left out. Default: nobody does, and their end is no change. */
  readonly leftOut?: LeftOutListener<T>;
  /** The page size of a list. Default 500, as in client-go. */
  readonly pageLimit?: number;
  /** A watch without a byte for this long counts as dead, in milliseconds. Default 90 s: bookmarks come about once a minute. */
  readonly idleMs?: number;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

const defaultPageLimit = 500;
const defaultIdleMs = 90_000;
/** How long the server is asked to keep a watch open, in seconds; each watch is up to a tenth shorter or longer. */
const watchSeconds = 300;
/** A watch that lasted this long was a good one, even if nothing happened, in milliseconds. */
const goodWatchMs = 10_000;
/** The media types of lists and of watches whose objects have nothing but metadata. */
const listOfMetadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
export const metadataOfEach = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/**
 * Keeps a cache of the objects of one resource equal to the API server's, for as long as it is open, whatever the server
 * does: {@link ReflectorState} says how. It does one thing at a time, so that an outdated stream cannot touch what a newer one
 * has delivered.
 */
export class Reflector<T extends CachedObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #cache = new WatchCache<T>();
  readonly #closed = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #served: ServedResource | undefined;
  /** Not told yet. */
  readonly #leftOut: LeftOut<T>[] = [];
  #mayBeOutdated = false;
  #isSynced = false;
  /** The last failure, until everything is synced. */
  #failure: ApiError | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** Resolves when all objects have been listed once, or when the resource does not exist. Never rejects. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Why it is not synced yet, without the API server's own text; undefined if it is synced, or if nothing has failed. */
  get trouble(): string | undefined {
    if (this.#failure === undefined) return undefined;
    const { status = '', reason } = this.#failure;
    const { watched } = this.#options;
    const scope = watched.namespace === undefined ? '' : ` in the namespace ${watched.namespace}`;
    return `${resourceName(watched)}${scope} cannot be listed (${`${status} ${reason}`.trim()})`;
  }

  /** The cached objects, by request key, and the version up to which they are known. */
  get objects(): Pick<WatchCache<T>, 'get' | 'values' | 'size' | 'resourceVersion'> {
    return this.#cache;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is running any more. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the reflector is closed'));
    await this.#running;
    this.#options.memory.end();
  }

  async #run(): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    const { signal } = this.#closed;
    for (let state = initialState; !signal.aborted;) {
      const outcome = await this.#attempt(state);
      if (signal.aborted) return;
      this.#options.onOutcome?.(outcome);
      const step = nextStep(state, outcome, random());
      this.#log(outcome, step.failures, step.delayMs);
      state = step;
      if (step.delayMs > 0) await sleep(clock, step.delayMs, signal).catch(() => undefined);
    }
  }

  async #attempt({ phase }: ReflectorState): Promise<PhaseOutcome> {
    const progress = { made: false };
    try {
      if (phase === 'discovering') return await this.#discover();
      if (phase === 'listing') return await this.#list();
      return (await this.#lookForBetter()) ?? (await this.#watch(progress));
    } catch (error) {
      const failure =
        error instanceof ApiError ? error : new ApiError(String(error), { reason: 'Defect', cause: error });
      return { kind: 'failed', error: failure, progressed: progress.made };
    }
  }

  /** A CRD may get a better version while an older one is watched, so this looks for it before the next watch. */
  async #lookForBetter(): Promise<PhaseOutcome | undefined> {
    const { group, versions } = this.#options.watched;
    const { apiVersion, path } = this.#mustBeServed();
    if (!this.#mayBeOutdated || apiVersion === apiVersionOf(group, versions[0] ?? '')) return undefined;
    const outcome = await this.#discover();
    return this.#served?.path === path ? undefined : outcome;
  }

  async #discover(): Promise<PhaseOutcome> {
    const { client, watched } = this.#options;
    const { signal } = this.#closed;
    this.#served = await (this.#options.discover?.(signal) ?? discover(client, watched, signal));
    this.#mayBeOutdated = false;
    if (this.#served !== undefined) return { kind: 'found' };
    await this.#replace([], '');
    this.#settle();
    return { kind: 'not_installed' };
  }

  async #list(): Promise<PhaseOutcome> {
    const { clock, memory, report } = this.#options;
    const served = this.#mustBeServed();
    const startedAt = clock.now();
    const { objects, resourceVersion, pages } = await this.#listAll(served).finally(() => memory.abandonList());
    const changes = await this.#replace(objects, resourceVersion);
    const count = (kind: string): number => changes.filter((change) => change.kind === kind).length;
    report.listed({
      api_version: served.apiVersion,
      objects: objects.length,
      added: count('added'),
      changed: count('changed'),
      deleted: count('deleted'),
      pages,
      resource_version: resourceVersion,
      duration_ms: clock.now() - startedAt,
    });
    this.#settle();
    return { kind: 'listed' };
  }

  /** Works in slices; what is cached changes all at once, between two slices. */
  async #replace(listed: readonly ListedObject<T>[], resourceVersion: string): Promise<readonly CacheChange<T>[]> {
    const slices = new Slices(this.#options.schedule, 'answers of the API server');
    const next = await inSlices(this.#cache.compare(listed.map(({ object }) => [keyOf(object), object])), slices);
    this.#options.memory.replace(await inSlices(bytesOf(listed, keyOf), slices));
    this.#cache.replace(next.objects, resourceVersion);
    for (const change of next.changes) {
      this.#options.onChange(change);
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#options.leftOut?.listed();
    tellLeftOut(this.#leftOut.splice(0), this.#options.leftOut);
    return next.changes;
  }

  #listAll(served: ServedResource): Promise<ListedObjects<T>> {
    const { client, memory, pageLimit = defaultPageLimit, reader, watched } = this.#options;
    return listObjects({
      client,
      path: served.path,
      labelSelector: watched.labelSelector,
      limit: pageLimit,
      signal: this.#closed.signal,
      memory,
      members: reader.members,
      accept: reader.isMetadataOnly === true ? listOfMetadata : undefined,
      trim: (object: ApiObject) => reader.read(object, served),
      onLeftOut: (object, reason) => this.#leaveOut(object, reason),
    });
  }

  #settle(): void {
    this.#isSynced = true;
    this.#failure = undefined;
    this.#synced.resolve();
  }

  async #watch(progress: { made: boolean }): Promise<PhaseOutcome> {
    const { client, clock, idleMs = defaultIdleMs, random = Math.random, reader } = this.#options;
    const { report, schedule, watched } = this.#options;
    const { path } = this.#mustBeServed();
    const { resourceVersion } = this.#cache;
    this.#mayBeOutdated = true;
    const timeoutSeconds = Math.round(watchSeconds * (0.9 + 0.2 * random()));
    const { labelSelector } = watched;
    const query = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, labelSelector };
    let openedAt = Number.POSITIVE_INFINITY;
    const onOpen = (): void => {
      openedAt = clock.now();
      this.#options.onWatching?.();
      report.watching({ resource_version: resourceVersion, timeout_seconds: timeoutSeconds });
    };
    const accept = reader.isMetadataOnly === true ? { accept: metadataOfEach } : {};
    const call = { method: 'GET', path, query, ...accept } as const;
    const { members } = reader;
    try {
      const { signal } = this.#closed;
      for await (const received of watchStream({ client, clock, schedule, idleMs, call, members, signal, onOpen })) {
        this.#apply(received);
        progress.made = true;
      }
    } finally {
      progress.made ||= clock.now() - openedAt >= goodWatchMs;
    }
    // A server that ends every watch at once must not be asked again at once each time.
    if (!progress.made) throw new ApiError(`GET ${path}: the server ended the watch at once`, { reason: 'Ended' });
    return { kind: 'ended' };
  }

  #apply({ event, allowance }: ReceivedEvent): void {
    this.#options.report.received(event.type);
    if (event.type === 'BOOKMARK') return this.#cache.advance(event.resourceVersion);
    const object = this.#options.reader.read(event.object, this.#mustBeServed());
    const type =
      event.type === 'DELETED' || !this.#hasRoom(event.object, keyOf(object), allowance) ? 'DELETED' : event.type;
    if (type === 'DELETED') this.#options.memory.release(keyOf(object));
    const change = this.#cache.apply(type, keyOf(object), object);
    if (change !== undefined) this.#options.onChange(change);
    else if (event.type === 'DELETED' && this.#options.leftOut !== undefined)
      this.#options.onChange({ kind: 'deleted', before: object });
    tellLeftOut(this.#leftOut.splice(0), this.#options.leftOut);
  }

  /** An object that is left out is treated like a deleted object. */
  #hasRoom(object: ApiObject, key: string, { isSpent, used }: Allowance): boolean {
    if (!isSpent && this.#options.memory.hold(key, used)) return true;
    this.#leaveOut(object, isSpent ? 'object_too_large' : 'memory_full');
    return false;
  }

  #leaveOut(object: ApiObject, reason: LeftOutReason): void {
    const { name, namespace } = object.metadata;
    const { leftOut, reader } = this.#options;
    if (leftOut !== undefined) this.#leftOut.push([reader.read(object, this.#mustBeServed()), reason]);
    this.#options.report.leftOut(reason, { name, ...(namespace !== undefined && { namespace }) });
  }

  #log(outcome: PhaseOutcome, failures: number, delayMs: number): void {
    const { report, watched } = this.#options;
    if (outcome.kind === 'not_installed') report.notInstalled({ versions: watched.versions });
    if (outcome.kind !== 'failed') return;
    if (!this.#isSynced) this.#failure = outcome.error;
    report.failed(outcome.error, { failures, retry_in_ms: Math.round(delayMs) });
  }

  #mustBeServed(): ServedResource {
    if (this.#served === undefined)
      throw new ApiError('a defect: nothing is known of the resource', { reason: 'Defect' });
    return this.#served;
  }
}
