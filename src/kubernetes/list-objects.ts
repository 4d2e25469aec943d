import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import type { ApiObject } from './pipeline-object.ts';

export interface ListedObjects<T> {
  readonly objects: readonly T[];
  /** Of the collection: a watch goes on from here. */
  readonly resourceVersion: string;
  readonly pages: number;
}

export interface ListOptions<T> {
  readonly client: Pick<ApiClient, 'call'>;
  readonly path: string;
  readonly labelSelector: string | undefined;
  /** Of each page; smaller ones are tried if the answer becomes too large. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** What is to be kept of an object, so that no page is held whole. */
  readonly trim: (object: ApiObject) => T;
}

interface Page {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly ApiObject[] | null;
}

/** A page of many large objects may take its time. */
const pageTimeoutMs = 60_000;

/** Everything in a collection, page by page, all of one version. Rejects with ApiError; status 410 when the rest is gone meanwhile. */
export async function listObjects<T>(options: ListOptions<T>): Promise<ListedObjects<T>> {
  const { client, path, labelSelector, signal, trim } = options;
  const objects: T[] = [];
  let { limit } = options;
  let next: string | undefined;
  for (let pages = 1; ;) {
    const query = { limit, labelSelector, continue: next };
    const call = { method: 'GET', path, query, signal, timeoutMs: pageTimeoutMs } as const;
    const page: Page | 'too large' = await client.call<Page>(call).catch((error: unknown) => {
      if (error instanceof ApiError && error.reason === 'TooLarge' && limit > 1) return 'too large' as const;
      throw error;
    });
    if (page === 'too large') {
      limit = Math.ceil(limit / 5);
      continue;
    }
    for (const object of readItems(path, page)) objects.push(trim(object));
    next = page.metadata?.continue;
    const resourceVersion = page.metadata?.resourceVersion ?? '';
    if (next === undefined || next === '') return { objects, resourceVersion, pages };
    pages++;
  }
}

function readItems(path: string, page: Page | null): readonly ApiObject[] {
  if (page === null || typeof page !== 'object' || typeof page.metadata?.resourceVersion !== 'string') {
    throw new ApiError(`GET ${path}: the answer is not a list`, { status: 200, reason: 'NotJson' });
  }
  return page.items ?? [];
}
