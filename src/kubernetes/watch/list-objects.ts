import type { Sliced } from '../../runtime/slices.ts';
import type { Allowance, SelectedList, Selection } from '../../text/json-selection.ts';
import { apiAnswerBytes } from '../api/api-transport.ts';
import {
  apiEnvelopeBytes,
  apiObjectBytes,
  isApiObject,
  isJsonObject,
  type KeptAnswer,
  type MemoryShare,
} from '../kept-object.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import {
  apiVersionOf,
  apiVersionPath,
  resourceName,
  type ApiObject,
  type ServedResource,
  type WatchedResource,
} from '../api-object.ts';

/** The longest page of a list with more than one object, in bytes. */
const apiPageBytes = 16 * 1024 * 1024;

export interface ListedObject<T> {
  readonly object: T;
  /** The memory of the kept part, an estimate. */
  readonly bytes: number;
}

export interface ListedObjects<T> {
  readonly objects: readonly ListedObject<T>[];
  /** The version of the collection, from which a watch goes on. */
  readonly resourceVersion: string;
  readonly pages: number;
}

/** Why an object is missing here although the API server has it. */
export type LeftOutReason = 'object_too_large' | 'memory_full';

/** Its methods must not throw. The end of an object that is left out is a change as of any other. */
export interface LeftOutListener<T> {
  /** All objects have been listed: what was left out before is left out no more, unless it is told again. */
  listed(): void;
  /** @param object what could be read of it; the cache is without it already */
  leftOut(object: T, reason: LeftOutReason): void;
}

export type LeftOut<T> = readonly [object: T, reason: LeftOutReason];

export function tellLeftOut<T>(leftOut: readonly LeftOut<T>[], listener: LeftOutListener<T> | undefined): void {
  for (const [object, reason] of leftOut) listener?.leftOut(object, reason);
}

interface ListOptions<T> {
  readonly client: Pick<ApiClient, 'call'>;
  readonly path: string;
  readonly labelSelector: string | undefined;
  /** The page size; smaller pages are tried if an answer becomes too large. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly memory: Pick<MemoryShare, 'acceptListed' | 'giveBackListed'>;
  /** The wanted media type. Default `application/json`. */
  readonly accept?: string | undefined;
  /** The members of an object that are kept, so that no page is held whole. */
  readonly members: Readonly<Record<string, Selection>>;
  /** Turns these members into what is cached. */
  readonly trim: (object: ApiObject) => T;
  /** Called when there is no room for an object; the list goes on without it. May be called again when a page is read again. */
  readonly onLeftOut: (object: ApiObject, reason: LeftOutReason) => void;
}

/** A page of many large objects may take a while. */
const pageTimeoutMs = 60_000;

/**
 * All objects of a collection, page by page, all of one version. Pages are bounded in bytes: a page that becomes larger is requested
 * again, with the number of objects that arrived. Rejects with ApiError, with status 410 when the rest has expired meanwhile.
 */
export async function listObjects<T>(options: ListOptions<T>): Promise<ListedObjects<T>> {
  const objects: ListedObject<T>[] = [];
  let { limit } = options;
  let next: string | undefined;
  for (let pages = 1; ;) {
    const page = new Page(options);
    const envelope = await readPage(options, page, limit, next);
    if (envelope === 'too large') {
      limit = Math.max(1, Math.min(Math.ceil(limit / 2), page.objects.length));
      continue;
    }
    for (const object of page.objects) objects.push(object);
    next = envelope.next;
    if (next === undefined || next === '') return { objects, resourceVersion: envelope.resourceVersion, pages };
    pages++;
  }
}

interface Envelope {
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

async function readPage<T>(
  { accept, client, path, labelSelector, signal }: ListOptions<T>,
  page: Page<T>,
  limit: number,
  next: string | undefined,
): Promise<Envelope | 'too large'> {
  const query = { limit, labelSelector, continue: next };
  const keep = pageSelection(page, limit === 1 ? apiAnswerBytes : apiPageBytes);
  try {
    const answer = await client.call<unknown>({
      method: 'GET',
      path,
      query,
      keep,
      signal,
      timeoutMs: pageTimeoutMs,
      ...(accept !== undefined && { accept }),
    });
    return readEnvelope(path, answer);
  } catch (error) {
    page.giveBack();
    if (error instanceof ApiError && error.reason === 'TooLarge' && limit > 1) return 'too large';
    throw error;
  }
}

function pageSelection(list: SelectedList, maxTextBytes: number): KeptAnswer {
  const members = {
    metadata: { members: { resourceVersion: 'scalar', continue: 'scalar' } },
    items: { list },
  } as const;
  return { selection: { members }, bytes: apiEnvelopeBytes, maxTextBytes };
}

function readEnvelope(path: string, answer: unknown): Envelope {
  const { metadata, items = null } = isJsonObject(answer) ? answer : {};
  const { resourceVersion, continue: next } = isJsonObject(metadata) ? metadata : {};
  // Go writes a list that was never filled as null.
  const isList = items === null || Array.isArray(items);
  if (typeof resourceVersion !== 'string' || !isList) throw notAList(path);
  return { resourceVersion, next: typeof next === 'string' ? next : undefined };
}

function notAList(path: string): ApiError {
  return new ApiError(`GET ${path}: the answer is not a list`, { status: 200, reason: 'NotJson' });
}

/** Collects the objects of one page while the page is read. */
class Page<T> implements SelectedList {
  readonly element: Selection;
  readonly elementBytes = apiObjectBytes;
  readonly #options: ListOptions<T>;
  #objects: ListedObject<T>[] = [];

  constructor(options: ListOptions<T>) {
    this.#options = options;
    this.element = { members: options.members };
  }

  get objects(): readonly ListedObject<T>[] {
    return this.#objects;
  }

  begin(): void {
    this.giveBack();
    this.#objects = [];
  }

  accept(object: unknown, { isSpent, used }: Allowance): void {
    const { memory, onLeftOut, path, trim } = this.#options;
    if (!isApiObject(object)) throw notAList(path);
    if (isSpent) onLeftOut(object, 'object_too_large');
    else if (memory.acceptListed(used)) this.#objects.push({ object: trim(object), bytes: used });
    else onLeftOut(object, 'memory_full');
  }

  /** Returns the memory of this page, which will be read again, or not at all. */
  giveBack(): void {
    const bytes = this.#objects.reduce((sum, object) => sum + object.bytes, 0);
    this.#options.memory.giveBackListed(bytes, this.#objects.length);
  }
}

interface FoundResource {
  readonly kind: string;
  readonly namespaced: boolean;
}

/**
 * The version of a resource that the API server serves, and its kind: the first of the wanted versions that it has.
 * Undefined if it has none, for example while the CRD is not installed. Rejects with ApiError if it cannot be asked,
 * or if a namespace is named and the resource is not namespaced.
 */
export async function discover(
  client: Pick<ApiClient, 'call'>,
  watched: WatchedResource,
  signal: AbortSignal,
): Promise<ServedResource | undefined> {
  for (const version of watched.versions) {
    const found = await find(client, apiVersionPath(watched.group, version), watched.resource, signal);
    if (found !== undefined) return served(watched, version, found);
  }
  return undefined;
}

/** Keeps only one of all the resources in an API version. */
async function find(
  client: Pick<ApiClient, 'call'>,
  path: string,
  resource: string,
  signal: AbortSignal,
): Promise<FoundResource | undefined> {
  const list = new ResourceSearch(resource);
  const keep = { selection: { members: { resources: { list } } }, bytes: apiEnvelopeBytes };
  try {
    await client.call({ method: 'GET', path, keep, signal });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  return list.found;
}

class ResourceSearch implements SelectedList {
  readonly element = { members: { name: 'scalar', kind: 'scalar', namespaced: 'scalar' } } as const;
  readonly elementBytes = apiEnvelopeBytes;
  readonly #resource: string;
  found: FoundResource | undefined;

  constructor(resource: string) {
    this.#resource = resource;
  }

  begin(): void {
    this.found = undefined;
  }

  accept(element: unknown): void {
    const { name, kind, namespaced } = isJsonObject(element) ? element : {};
    if (name !== this.#resource || typeof kind !== 'string' || this.found !== undefined) return;
    this.found = { kind, namespaced: namespaced === true };
  }
}

function served(watched: WatchedResource, version: string, { kind, namespaced }: FoundResource): ServedResource {
  const { group, resource, namespace } = watched;
  if (namespace !== undefined && !namespaced) {
    const message = `${resourceName(watched)} is cluster-scoped: remove "namespaces" from its entry in pipelines.kubernetes.kinds`;
    throw new ApiError(message, { reason: 'ClusterScoped' });
  }
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const path = `${apiVersionPath(group, version)}${scope}/${resource}`;
  return { apiVersion: apiVersionOf(group, version), kind, path };
}

/** The memory of each object, by its key. */
export function* bytesOf<T>(
  listed: readonly ListedObject<T>[],
  keyOf: (object: T) => string,
): Sliced<ReadonlyMap<string, number>> {
  const bytesByKey = new Map<string, number>();
  for (const { object, bytes } of listed) {
    bytesByKey.set(keyOf(object), bytes);
    yield;
  }
  return bytesByKey;
}
