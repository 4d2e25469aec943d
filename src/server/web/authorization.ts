import { timingSafeEqual } from 'node:crypto';
import { digestOf, type WebSettings } from './web-settings.ts';

/** Compares every token, and every byte of its digest, whatever the outcome, so that timing reveals nothing. */
export function isToken({ tokenDigests }: WebSettings, token: string): boolean {
  const digest = digestOf(token);
  let isGood = false;
  for (const candidate of tokenDigests) isGood = timingSafeEqual(candidate, digest) || isGood;
  return isGood;
}

/** The header WWW-Authenticate of a 401. */
export function challenges({ users, tokenDigests, kubernetes }: WebSettings): string[] {
  const basic = users.size > 0 ? ['Basic realm="Tocsin", charset="UTF-8"'] : [];
  return tokenDigests.length > 0 || kubernetes !== undefined ? [...basic, 'Bearer realm="Tocsin"'] : basic;
}

/** The text of a 401: what to send. */
export function adviceOf({ users, tokenDigests, kubernetes }: WebSettings): string {
  const ways = [
    ...(users.size > 0 ? ['a user and password (basic_auth; curl -u USER:PASSWORD)'] : []),
    ...(tokenDigests.length > 0 ? ['a bearer token (authorization; curl -H "Authorization: Bearer TOKEN")'] : []),
    ...(kubernetes === undefined ? [] : [tokenOfKubernetes(kubernetes.audiences)]),
  ];
  return `Unauthorized: send ${ways.join(' or ')} of the web configuration of Tocsin\n`;
}

/** The credentials in an `Authorization` header. */
export type Credentials =
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

/** Reads an `Authorization` header (RFC 7617, RFC 6750). Undefined if it is malformed or has another scheme. */
export function parseAuthorization(header: string): Credentials | undefined {
  const [, scheme = '', value = ''] = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { scheme: 'bearer', token: value };
    case 'basic':
      return parseBasic(value);
    default:
      return undefined;
  }
}

function parseBasic(value: string): Credentials | undefined {
  if (!/^[\w+/-]+={0,2}$/.test(value)) return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function tokenOfKubernetes([audience]: readonly string[]): string {
  const option = audience === undefined ? '' : ` --audience ${audience}`;
  return `a token of Kubernetes (kubernetes; curl -H "Authorization: Bearer $(kubectl create token NAME${option})")`;
}
