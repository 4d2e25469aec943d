import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import {
  apiVersionOf,
  apiVersionPath,
  resourceName,
  type ServedResource,
  type WatchedResource,
} from './watched-resource.ts';

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
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
    const list = await resourcesOf(client, apiVersionPath(watched.group, version), signal);
    const found = list.resources?.find(({ name }) => name === watched.resource);
    if (found !== undefined) return served(watched, version, found);
  }
  return undefined;
}

async function resourcesOf(client: Pick<ApiClient, 'call'>, path: string, signal: AbortSignal): Promise<ResourceList> {
  try {
    return await client.call<ResourceList>({ method: 'GET', path, signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return {};
    throw error;
  }
}

function served(
  watched: WatchedResource,
  version: string,
  { kind, namespaced }: { readonly kind: string; readonly namespaced: boolean },
): ServedResource {
  const { group, resource, namespace } = watched;
  if (namespace !== undefined && !namespaced) {
    const message = `${resourceName(watched)} is cluster-scoped: remove "namespaces" from its entry in pipelines.kubernetes.kinds`;
    throw new ApiError(message, { reason: 'ClusterScoped' });
  }
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const path = `${apiVersionPath(group, version)}${scope}/${resource}`;
  return { apiVersion: apiVersionOf(group, version), kind, path };
}
