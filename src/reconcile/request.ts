/** The key of work: which object to look at, and nothing about why (reconcile.Request in controller-runtime). */
export interface Request {
  readonly kind: string;
  /** Its API group, since two may have a kind of the same name; absent for Kyma's, the core group, and where there is no cluster. */
  readonly group?: string;
  /** Absent for a cluster-scoped kind. */
  readonly namespace?: string;
  readonly name: string;
}

/** Of a request, the part that says what it is. */
interface KindName {
  readonly kind: string;
  readonly group?: string | undefined;
}

/** `Kind`, or `Kind.group` as kubectl takes it: what a metric is labelled with. */
export function kindName({ kind, group }: KindName): string {
  return group === undefined ? kind : `${kind}.${group}`;
}

/** One string for each request: `Kind/name` or `Kind/namespace/name`, with the group behind the kind. No part can hold a slash. */
export function requestKey({ kind, group, namespace, name }: Request): string {
  const scope = namespace === undefined ? '' : `/${namespace}`;
  return `${kindName({ kind, group })}${scope}/${name}`;
}
