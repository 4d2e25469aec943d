import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** How requests name their tenants. */
export type Naming =
  | { readonly by: 'path' }
  | { readonly by: 'header'; readonly header: string }
  /** Requests name none: each alert does. */
  | { readonly by: 'label' };

/** Whose a request is. Neither a name nor a problem: that of nobody in particular, since its alerts name their tenants. */
export interface TenantMark {
  /** The name of a tenant that exists. */
  readonly name?: string;
  /** `bare`: it stops at the tenant's name, without the slash after it. */
  readonly problem?: 'missing' | 'unknown' | 'bare';
}

/** Whose a request is, and what it asks of them. */
export interface TenantPath {
  /** As it would be without tenants. */
  readonly path: string;
  /** Undefined: it asks the process. */
  readonly mark: TenantMark | undefined;
}

/** What a naming has to know. */
export interface KnownTenants {
  has(name: string): boolean;
  /** Whether it is a path of the process, which belongs to no tenant. */
  isOfProcess(path: string): boolean;
}

/** Cortex's paths of an Alertmanager, which lead to the same API. */
const apiPrefixes = ['/prom/alertmanager', '/alertmanager'];

/** The first segments of paths that everybody knows: a request for one has not named a tenant. */
const ownSegments: ReadonlySet<string> = new Set(['api', 'webhook', 'alertmanager', 'prom', 'assets', '-', '']);

/**
 * Takes the tenant out of a path, or finds it in the header. Pure.
 * @param path without the route prefix, beginning with a slash
 */
export function nameTenant(
  naming: Naming,
  path: string,
  headers: IncomingHttpHeaders,
  known: KnownTenants,
): TenantPath {
  if (naming.by === 'path') return byPath(path, known);
  const plain = withoutApiPrefix(path);
  if (naming.by === 'label')
    return known.isOfProcess(plain) ? { path: plain, mark: undefined } : byLabel(path, plain, known);
  const name = headers[naming.header.toLowerCase()];
  if (known.isOfProcess(plain) && (plain !== '/' || name === undefined)) return { path: plain, mark: undefined };
  if (typeof name !== 'string' || name === '') return { path: plain, mark: { problem: 'missing' } };
  return { path: plain, mark: known.has(name) ? { name } : { problem: 'unknown' } };
}

/** A path that names a tenant is about that one; any other is about all, and their alerts name theirs. */
function byLabel(path: string, plain: string, known: KnownTenants): TenantPath {
  const named = byPath(path, known);
  return named.mark?.name === undefined ? { path: plain, mark: {} } : named;
}

function byPath(path: string, known: KnownTenants): TenantPath {
  if (known.isOfProcess(path)) return { path, mark: undefined };
  const [, segment = '', rest] = /^\/([^/]*)(\/.*)?$/s.exec(path) ?? [];
  const name = decoded(segment);
  if (name === undefined || !known.has(name)) {
    const problem = ownSegments.has(segment) ? 'missing' : 'unknown';
    return { path: problem === 'missing' ? path : withoutApiPrefix(rest ?? '/'), mark: { problem } };
  }
  if (rest === undefined) return { path: '/', mark: { name, problem: 'bare' } };
  return { path: withoutApiPrefix(rest), mark: { name } };
}

/** A browser may escape what a name contains. */
function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function withoutApiPrefix(path: string): string {
  const prefix = apiPrefixes.find((each) => path === each || path.startsWith(`${each}/`));
  return prefix === undefined ? path : path.slice(prefix.length) || '/';
}

/** Whose each request is, from its head to its answer. */
export class RequestTenants {
  readonly #marks = new WeakMap<IncomingMessage, TenantMark>();
  readonly #usable = new WeakMap<IncomingMessage, ReadonlySet<string>>();

  claim(request: IncomingMessage, mark: TenantMark): void {
    this.#marks.set(request, mark);
  }

  /** The sender of a request that names no tenant may use these alone. */
  restrict(request: IncomingMessage, names: ReadonlySet<string>): void {
    this.#usable.set(request, names);
  }

  /** Whether the sender of a request that names no tenant may use this one. */
  mayUse(request: IncomingMessage, name: string): boolean {
    return this.#usable.get(request)?.has(name) ?? true;
  }

  /** Undefined: it asks the process, or there are no tenants. */
  readonly of = (request: IncomingMessage): TenantMark | undefined => this.#marks.get(request);
}
