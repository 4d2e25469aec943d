import { isIP } from 'node:net';
import { nearestName } from '../../config/settings/unknown-key.ts';
import { unshown, type Reader } from '../../config/settings/reader.ts';
import { readPath } from '../../config/settings/value-readers.ts';

/** The form of a `basic_auth_users` value: `$2y$10$` and 53 more characters. */
const bcryptHash = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/;

/** The value is never shown: it may be the password itself, by mistake. */
export const readBcryptHash: Reader<string> = (found) =>
  typeof found === 'string' && bcryptHash.test(found)
    ? { value: found }
    : { allowed: 'a bcrypt hash of the password, as `htpasswd -nBC 10 ""` prints it ($2y$10$...)', secret: true };

/** RFC 7617: everything up to the first colon is the name. */
export const readUserName: Reader<string> = (found) =>
  typeof found === 'string' && /^[^:\p{Cc}]+$/u.test(found)
    ? { value: found }
    : { allowed: 'a user name without colon and control characters' };

/** The name of a tenant; whether the configuration has it, the web configuration cannot know. */
export const readTenantName: Reader<string> = (found) =>
  typeof found === 'string' && /^[A-Za-z0-9!\-_.*'()]{1,150}$/.test(found)
    ? { value: found }
    : { allowed: "the name of a tenant, of A-Z a-z 0-9 ! - _ . * ' ( )" };

/** PEM inside the file. The value is never shown, because one of them is a private key. */
export const readPem: Reader<string | null> = (found) => {
  if (found === null || found === '') return { value: null };
  return typeof found === 'string' && found.includes('-----BEGIN ')
    ? { value: found }
    : { allowed: 'PEM text that begins with -----BEGIN', secret: true };
};

/** The value is not shown: it may be the token or the key itself, by mistake. */
export const readSecretPath: Reader<string> = unshown((found) =>
  typeof found === 'string' && found.includes('-----BEGIN ')
    ? { allowed: 'a path; the text in PEM itself goes to the key of that name without _file' }
    : readPath(found),
);

/** exporter-toolkit treats an empty text as a missing file. */
export const readPathOrNull: Reader<string | null> = (found) =>
  found === null || found === '' ? { value: null } : readSecretPath(found);

export const readBoolean: Reader<boolean> = (found) => {
  if (typeof found === 'boolean') return { value: found };
  const suggestion = typeof found === 'string' ? booleanWords[found.toLowerCase()] : undefined;
  return { allowed: 'true, false', suggestion };
};

const booleanWords: Readonly<Record<string, string>> = {
  yes: 'true',
  on: 'true',
  true: 'true',
  no: 'false',
  off: 'false',
  false: 'false',
};

/** The value of a header; an empty one removes the header. @param choices the allowed values, if not everything is allowed */
export function readHeaderValue(choices?: readonly string[]): Reader<string | null> {
  return (found) => {
    if (found === null || found === '') return { value: null };
    if (typeof found !== 'string') return { allowed: 'a text' };
    if (choices !== undefined) {
      const suggestion = nearestName(found, choices);
      return choices.includes(found) ? { value: found } : { allowed: choices.join(', '), suggestion };
    }
    return /^[\x20-\x7e]+$/.test(found) ? { value: found } : { allowed: 'a text of one line, in ASCII' };
  };
}

/**
 * A path of an access rule; with `/*` at its end, everything below it. A path that is not in the routes' spelling would match no
 * request and protect nothing, so it is refused.
 */
export const readAccessPath: Reader<string> = (found) => {
  const allowed =
    'a path as in /metrics, or /api/v2/* for all below it, without the route prefix, escapes and a slash at its end';
  if (typeof found !== 'string' || !/^\/[^?#%*\s]*(?:(?<=\/)\*)?$/.test(found)) return { allowed };
  return /.\/$/.test(found) ? { allowed, suggestion: found.slice(0, -1) } : { value: found };
};

/** What a token is for, as in `audience` of a projected ServiceAccount token. */
export const readAudience: Reader<string> = (found) =>
  typeof found === 'string' && /^[\x21-\x7e]{1,1024}$/.test(found)
    ? { value: found }
    : { allowed: 'an audience of visible ASCII characters, as in tocsin' };

/** An allowed name of a client certificate: a DNS name, an IP address, an e-mail address, a URI. */
export const readSubject: Reader<string> = (found) => {
  if (typeof found !== 'string' || found.trim() === '') return { allowed: 'a DNS name, IP address, e-mail or URI' };
  return { value: canonicalAddress(found) };
};

/** Gives an IPv6 address in Go's spelling, because it has many. Everything else stays unchanged. */
export function canonicalAddress(text: string): string {
  return isIP(text) === 6 ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

/** 0 means that no value is given. */
export const readWholeNumber: Reader<number> = (found) =>
  typeof found === 'number' && Number.isSafeInteger(found) && found >= 0
    ? { value: found }
    : { allowed: 'a whole number from 0 up' };

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
// Escaped: one such character would have V8 keep two bytes for each character of the bundle.
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
const whole = new RegExp(`^(?:${part.source})+$`);

/** Milliseconds of a duration in Go's syntax, as in exporter-toolkit's files: `1s`, `100ms`, `1.5s`, `1m30s`, `0`. */
export const readGoDuration: Reader<number> = (found) => {
  if (found === 0 || found === '0') return { value: 0 };
  const allowed = 'a duration as Go writes it (units: ns, us, ms, s, m, h), as in 1s or 100ms; 0 is no limit';
  if (typeof found !== 'string' || found.length > 100 || !whole.test(found)) return { allowed };
  let ms = 0;
  for (const [, count, unit = ''] of found.matchAll(part)) ms += Number(count) * (unitMs[unit] ?? NaN);
  return ms <= Number.MAX_SAFE_INTEGER ? { value: ms } : { allowed };
};
