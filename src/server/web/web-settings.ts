import type { SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { KnownPaths } from '../request/request-target.ts';

/** How a client certificate is looked at, in Go's words. */
export type ClientAuthType =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert';

export interface TlsSettings {
  readonly context: SecureContextOptions;
  readonly clientAuthType: ClientAuthType;
  /** Of which a client certificate must name one; empty: any will do. */
  readonly allowedSubjects: readonly string[];
  /** When the server's own certificate ends, milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A web configuration, with all the files that it names read. Nothing of it changes; a new one takes its place. */
export interface WebSettings {
  /** Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly rateLimit: { readonly intervalMs: number; readonly burst: number } | undefined;
  /** Bcrypt hashes by user. */
  readonly users: ReadonlyMap<string, string>;
  /** SHA-256 of each bearer token. */
  readonly tokenDigests: readonly Buffer[];
  readonly access: AccessRules;
}

/** True if a request needs a password or a token, where its path is protected. */
export function hasCredentials({ users, tokenDigests }: WebSettings): boolean {
  return users.size > 0 || tokenDigests.length > 0;
}

/** True if it keeps anybody from anything: from coming in, or from reading along. */
export function isGuarded(settings: WebSettings): boolean {
  return hasCredentials(settings) || settings.tls !== undefined;
}

/** True if nobody gets in without some proof of who it is. */
export function isLocked(settings: WebSettings): boolean {
  const clientAuthType = settings.tls?.clientAuthType;
  return hasCredentials(settings) || clientAuthType === 'RequireAndVerifyClientCert';
}

/**
 * True if a connection that was made by the one could have been made by the other: whether TLS is spoken, how, and how the
 * client is looked at is the same. The server's own certificate may differ.
 */
export function takesSameClients(one: TlsSettings | undefined, other: TlsSettings | undefined): boolean {
  return isDeepStrictEqual(withoutCertificate(one), withoutCertificate(other));
}

function withoutCertificate(tls: TlsSettings | undefined): unknown {
  if (tls === undefined) return undefined;
  const { cert: _cert, key: _key, ...context } = tls.context;
  return { ...tls, context, notAfter: undefined };
}

/** By path, or by `/folder/*`: whether it is open to everybody. */
export type AccessRules = ReadonlyMap<string, 'open' | 'protected'>;

/**
 * True if a path needs neither password nor token. The rule for the path itself wins, then the one for the nearest folder
 * above it; without a rule all but the health is protected: the kubelet has no password. Paths are compared letter by letter, so that another spelling
 * of an open path is a protected one, unless the routes take both for the same: then `path` is the same for both.
 * @param path without the route prefix, as the routes see it; '' for one that is outside
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
