import type { IncomingMessage } from 'node:http';
import type { Caller } from '../../access/reviews.ts';
import { unshown, type Reader } from '../../config/settings/reader.ts';
import { isDnsLabel, isDnsSubdomain } from '../../text/kubernetes.ts';
import type { RequestTenants, TenantMark } from '../request/tenancy.ts';
import { readSecretPath, readSubject, readUserName } from './web-config-readers.ts';

/** Who may use a tenant: `tenants.NAME` and `admins` of the web configuration. */
export interface Binding {
  /** Of `basic_auth_users`. */
  readonly users: readonly string[];
  /** Files with one bearer token each. */
  readonly credentials_files: readonly string[];
  /** Names of client certificates. */
  readonly sans: readonly string[];
  /** As in `monitoring/prometheus`. */
  readonly service_accounts: readonly string[];
}

/** Whoever is in neither may nothing. */
export interface TenantBindings {
  readonly admins: ReadonlySet<Principal>;
  readonly tenants: ReadonlyMap<string, ReadonlySet<Principal>>;
}

/** Who somebody is, by one kind of proof: `user:NAME`, `token:DIGEST`, `san:NAME` or `account:NAMESPACE/NAME`. */
export type Principal = `${'user' | 'token' | 'san' | 'account'}:${string}`;

const readServiceAccount: Reader<string> = (found) => {
  const [namespace = '', name = '', ...rest] = typeof found === 'string' ? found.split('/') : [];
  return rest.length === 0 && isDnsLabel(namespace) && isDnsSubdomain(name)
    ? { value: `${namespace}/${name}` }
    : { allowed: 'a ServiceAccount with its namespace, as in monitoring/prometheus' };
};

const readers: Readonly<Record<keyof Binding, Reader<string>>> = {
  users: readUserName,
  credentials_files: readSecretPath,
  sans: readSubject,
  service_accounts: readServiceAccount,
};
const keys = Object.keys(readers) as (keyof Binding)[];

const allowed = `a map with the keys ${keys.join(', ')}, each a list`;

/** Reads who may use a tenant. What is found is not shown: a token may stand in the place of its file. */
export const readBinding: Reader<Binding> = unshown((found) => {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return { allowed };
  const stranger = Object.keys(found).find((key) => !(keys as readonly string[]).includes(key));
  if (stranger !== undefined) return { allowed: `${allowed}; one key is none of these` };
  const lists = {} as Record<keyof Binding, readonly string[]>;
  for (const key of keys) {
    const items = (found as Readonly<Record<string, unknown>>)[key] ?? [];
    if (!Array.isArray(items)) return { allowed: `${allowed}; ${key} is no list` };
    const readings = items.map(readers[key]);
    const refusal = readings.find((reading) => 'allowed' in reading);
    if (refusal !== undefined) return { allowed: `in ${key}: ${refusal.allowed}` };
    lists[key] = readings.flatMap((reading) => ('value' in reading ? [reading.value] : []));
  }
  return { value: lists };
});

/** Nobody. */
export const noBinding: Binding = { users: [], credentials_files: [], sans: [], service_accounts: [] };

/** Whether it binds nobody. */
export function isNobody(binding: Binding): boolean {
  return keys.every((key) => binding[key].length === 0);
}

/** @param digests of the tokens in its files, in hexadecimal digits */
export function principalsOf(binding: Binding, digests: readonly string[]): ReadonlySet<Principal> {
  return new Set<Principal>([
    ...binding.users.map((name): Principal => `user:${name}`),
    ...digests.map((digest): Principal => `token:${digest}`),
    ...binding.sans.map((name): Principal => `san:${name}`),
    ...binding.service_accounts.map((name): Principal => `account:${name}`),
  ]);
}

/** The ServiceAccount that Kubernetes knows a caller as; undefined for anybody else. */
export function accountOf({ user }: Caller): Principal | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  return namespace === undefined ? undefined : `account:${namespace}/${name}`;
}

/**
 * Whether somebody may do what a request asks: admins may everything, others what belongs to a tenant of theirs.
 * @param mark undefined: it asks the process
 */
function mayUse({ admins, tenants }: TenantBindings, who: readonly Principal[], mark: TenantMark | undefined): boolean {
  if (who.some((principal) => admins.has(principal))) return true;
  const bound = mark?.name === undefined ? undefined : tenants.get(mark.name);
  return bound !== undefined && who.some((principal) => bound.has(principal));
}

/** The tenants that somebody may use; undefined: all. */
function usableTenants(
  { admins, tenants }: TenantBindings,
  who: readonly Principal[],
): ReadonlySet<string> | undefined {
  if (who.some((principal) => admins.has(principal))) return undefined;
  const own = [...tenants].filter(([, bound]) => who.some((principal) => bound.has(principal)));
  return new Set(own.map(([name]) => name));
}

/** Whether somebody may do what a request asks. If it names no tenant, notes which of them it may be about. */
export function isBound(
  bindings: TenantBindings,
  who: readonly Principal[],
  request: IncomingMessage,
  requestTenants: RequestTenants | undefined,
): boolean {
  const mark = requestTenants?.of(request);
  if (mark === undefined || mark.name !== undefined || mark.problem !== undefined) return mayUse(bindings, who, mark);
  const usable = usableTenants(bindings, who);
  if (usable !== undefined) requestTenants?.restrict(request, usable);
  return usable === undefined || usable.size > 0;
}
