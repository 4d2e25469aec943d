import { createHash } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { TenantBindings } from './tenant-bindings.ts';
import type { KnownPaths } from '../request/request-head.ts';

/** How a client certificate is checked, in Go's words. */
export type ClientAuthType =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert';

export interface TlsSettings {
  readonly context: SecureContextOptions;
  readonly clientAuthType: ClientAuthType;
  /** The subjects of which a client certificate must have one; empty: any will do. */
  readonly allowedSubjects: readonly string[];
  /** When the server's own certificate expires, milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A web configuration, with all the files that it names read. It never changes; a new one replaces it. */
export interface WebSettings {
  /** Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly rateLimit: { readonly intervalMs: number; readonly burst: number } | undefined;
  /** Bcrypt hashes by user. */
  readonly users: ReadonlyMap<string, string>;
  /** SHA-256 of each bearer token. */
  readonly tokenDigests: readonly Buffer[];
  /** Whom Kubernetes knows gets in with their own rights; undefined: nobody. */
  readonly kubernetes: { readonly audiences: readonly string[] } | undefined;
  readonly access: AccessRules;
  /** Who may use which tenant; undefined: whoever gets in may everything. */
  readonly bindings?: TenantBindings | undefined;
}

/** The stored form of a bearer token: digests have equal lengths, so they can be compared in constant time. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** True if a request to a protected path needs a password or a token. */
export function hasCredentials({ users, tokenDigests, kubernetes }: WebSettings): boolean {
  return users.size > 0 || tokenDigests.length > 0 || kubernetes !== undefined;
}

/** True if it restricts anything: who gets in, or who can read along. */
export function isGuarded(settings: WebSettings): boolean {
  return hasCredentials(settings) || settings.tls !== undefined || settings.bindings !== undefined;
}

/** True if nobody gets in without proof of identity. */
export function isLocked(settings: WebSettings): boolean {
  const clientAuthType = settings.tls?.clientAuthType;
  return hasCredentials(settings) || settings.bindings !== undefined || clientAuthType === 'RequireAndVerifyClientCert';
}

/**
 * True if a connection that was made under one setting could have been made under the other: TLS or not, its parameters, and the
 * check of the client are the same. The server's own certificate may differ.
 */
export function takesSameClients(one: TlsSettings | undefined, other: TlsSettings | undefined): boolean {
  return isDeepStrictEqual(withoutCertificate(one), withoutCertificate(other));
}

function withoutCertificate(tls: TlsSettings | undefined): unknown {
  if (tls === undefined) return undefined;
  const { cert: _cert, key: _key, ...context } = tls.context;
  return { ...tls, context, notAfter: undefined };
}

/** By path or `/folder/*`: whether it is open to everybody. */
export type AccessRules = ReadonlyMap<string, 'open' | 'protected'>;

/**
 * True if a path needs neither password nor token. The rule for the path itself wins, then the one for the nearest folder above
 * it. Without a rule everything but the health is protected: the kubelet has no password. Paths are compared letter by letter, so
 * another spelling of an open path is protected, unless the routes treat both as the same: then `path` is the same for both.
 * @param path without the route prefix, as the routes see it; '' for a path outside it
 */
export function isOpen(rules: AccessRules, path: string, routes: KnownPaths): boolean {
  const rule = rules.get(path) ?? folderRule(rules, path);
  return rule === undefined ? routes.isHealth(path) : rule === 'open';
}

function folderRule(rules: AccessRules, path: string): 'open' | 'protected' | undefined {
  if (rules.size === 0) return undefined;
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const rule = rules.get(`${path.slice(0, end)}/*`);
    if (rule !== undefined) return rule;
  }
  return undefined;
}
