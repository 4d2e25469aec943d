import { kymaGroup } from '../reconcile/kyma-kinds.ts';

/** One watched resource, as the configuration names it. */
export interface WatchedResource {
  readonly group: string;
  /** The usable API versions, the best one first. */
  readonly versions: readonly string[];
  /** The plural, as in a URL: `tracepipelines`. */
  readonly resource: string;
  /** The only namespace to watch; undefined: all of them, or the resource is cluster-scoped. */
  readonly namespace?: string;
  readonly labelSelector?: string;
}

/** A watched resource as the API server serves it. */
export interface ServedResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** The path of the collection that is listed and watched. */
  readonly path: string;
}

/** `tracepipelines.telemetry.kyma-project.io`, as kubectl and RBAC name it. */
export function resourceName({ resource, group }: Pick<WatchedResource, 'resource' | 'group'>): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** `GROUP/VERSION`, or `VERSION` for the core group. */
export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The group of an API version as a request names it. It is absent for the core group, and for Kyma's, whose kinds are the usual ones. */
export function requestGroup(apiVersion: string): { readonly group?: string } {
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  return group === '' || group === kymaGroup ? {} : { group };
}

/** The path of an API version, which lists what the version serves. */
export function apiVersionPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** An object as the API server sends it; it may have more members than those read here. */
export interface ApiObject {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    /** As with all that follows, others may have written anything. */
    readonly labels?: unknown;
    readonly annotations?: unknown;
    readonly ownerReferences?: unknown;
    readonly creationTimestamp?: unknown;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: unknown };
}

/** The path of one object of a collection. */
export function objectPath(collection: string, namespace: string | undefined, name: string): string {
  const isNamespaced = namespace !== undefined && !collection.includes('/namespaces/');
  const slash = collection.lastIndexOf('/');
  const scope = isNamespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${collection.slice(0, slash)}${scope}${collection.slice(slash)}/${encodeURIComponent(name)}`;
}
