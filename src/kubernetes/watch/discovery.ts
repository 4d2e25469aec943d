import type { SelectedList } from '../../text/json-selection.ts';
import { apiEnvelopeBytes } from '../../limits.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { isJsonObject } from '../kept-object.ts';
import {
  apiVersionOf,
  apiVersionPath,
  resourceName,
  type ServedResource,
  type WatchedResource,
} from './watched-resource.ts';

interface FoundResource {
  readonly kind: string;
  readonly namespaced: boolean;
}

/**
 * Which version of a resource the API server serves, and under which kind: the first of the wanted versions that it has.
 * Undefined if it has none, as while the CRD is not installed. Rejects with ApiError if it cannot be asked,
 * or if a namespace is named and the resource has none.
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

/** Of all resources that an API version has only the one is kept. */
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

  take(element: unknown): void {
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
