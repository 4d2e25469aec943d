import type { SelectedList } from '../../text/json-selection.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { apiVersionPath } from '../api-object.ts';
import { apiEnvelopeBytes, isJsonObject } from '../kept-object.ts';

/** A kind, as a trigger names it. */
export interface KindRef {
  readonly apiVersion: string;
  readonly kind: string;
}

/** A kind that the API server serves. */
export interface KnownKind extends KindRef {
  readonly group: string;
  readonly version: string;
  /** The plural, as in a URL and in a rule of RBAC. */
  readonly resource: string;
  readonly isNamespaced: boolean;
  /** True if conditions can be written, because there is a `status` subresource. */
  readonly hasStatus: boolean;
}

/** Asks the API server for a kind; undefined if it does not have it. Rejects with ApiError. */
export async function findKind(
  client: Pick<ApiClient, 'call'>,
  { apiVersion, kind }: KindRef,
  signal: AbortSignal,
): Promise<KnownKind | undefined> {
  const parts = apiVersion.split('/');
  const [group, version] = parts.length === 1 ? ['', apiVersion] : parts;
  if (parts.length > 2 || group === undefined || version === undefined || version === '') return undefined;
  const list = new KindSearch(kind);
  const keep = { selection: { members: { resources: { list } } }, bytes: apiEnvelopeBytes };
  const path = apiVersionPath(encodeURIComponent(group), encodeURIComponent(version));
  try {
    await client.call({ method: 'GET', path, keep, signal });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  const { found } = list;
  return found && { apiVersion, kind, group, version, ...found, hasStatus: list.hasStatus };
}

/** Keeps only one of all the kinds in an API version. */
class KindSearch implements SelectedList {
  readonly element = { members: { name: 'scalar', kind: 'scalar', namespaced: 'scalar' } } as const;
  readonly elementBytes = apiEnvelopeBytes;
  readonly #kind: string;
  readonly #withStatus = new Set<string>();
  found: Pick<KnownKind, 'resource' | 'isNamespaced'> | undefined;

  constructor(kind: string) {
    this.#kind = kind;
  }

  get hasStatus(): boolean {
    return this.found !== undefined && this.#withStatus.has(this.found.resource);
  }

  begin(): void {
    this.found = undefined;
    this.#withStatus.clear();
  }

  accept(element: unknown): void {
    const { name, kind, namespaced } = isJsonObject(element) ? element : {};
    if (kind !== this.#kind || typeof name !== 'string') return;
    const [resource = '', subresource] = name.split('/');
    if (subresource === 'status') this.#withStatus.add(resource);
    if (subresource === undefined) this.found ??= { resource, isNamespaced: namespaced === true };
  }
}
