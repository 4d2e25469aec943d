import { kymaGroup, kymaKinds, kymaVersions } from '../../reconcile/kyma-kinds.ts';

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

/** The kinds of Kyma's telemetry module. */
export const kymaResources: readonly WatchedResource[] = kymaKinds.map(({ resource }) => {
  return { group: kymaGroup, versions: kymaVersions, resource };
});
