/** The key of work: which object to look at, and nothing about why (reconcile.Request in controller-runtime). */
export interface Request {
  readonly kind: string;
  /** Absent for a cluster-scoped kind. */
  readonly namespace?: string;
  readonly name: string;
}

/** One string for each request: `Kind/name` or `Kind/namespace/name`. Neither part can hold a slash. */
export function requestKey({ kind, namespace, name }: Request): string {
  return namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
}
