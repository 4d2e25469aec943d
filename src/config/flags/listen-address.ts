import { isIPv4, isIPv6 } from 'node:net';
import type { Reader } from '../settings/reader.ts';
import { readHttpUrl } from '../settings/http-url.ts';

/** Where a server listens. */
export interface ListenAddress {
  /** A name or an IP address (IPv6 without brackets); undefined means every interface. */
  readonly host: string | undefined;
  /** 0 means any free port. */
  readonly port: number;
}

const allowedAddress = 'HOST:PORT, :PORT for every interface, [IPV6]:PORT; a port is 0 (any free one) to 65535';

/** Reads `127.0.0.1:9093`, `:9093`, `[::1]:9093`, `localhost:0`. */
export const readListenAddress: Reader<ListenAddress> = (found) => {
  if (typeof found !== 'string') return { allowed: allowedAddress };
  const value = parseListenAddress(found);
  return value === undefined ? { allowed: allowedAddress, suggestion: suggestListenAddress(found) } : { value };
};

function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name = '', digits] = match;
  const port = Number(digits);
  const hostIsGood = ipv6 === undefined ? name === '' || isHostName(name) : isIPv6(ipv6);
  return hostIsGood && port <= 65535 ? { host: ipv6 ?? (name || undefined), port } : undefined;
}

/** A text of digits and dots only is an IPv4 address or a mistake. */
function isHostName(name: string): boolean {
  return /^[\d.]+$/.test(name) ? isIPv4(name) : /^[a-z\d_](?:[a-z\d_.-]*[a-z\d_.])?$/i.test(name);
}

/** A missing host becomes this machine only, never every interface: the user has to ask for that. */
function suggestListenAddress(text: string): string | undefined {
  const bare = text.replace(/^https?:\/\//, '').replace(/\/$/, '');
  // A name has at most 253 characters.
  if (bare === '' || bare.length > 300) return undefined;
  const candidates = [
    bare,
    bare.replace(/^\*/, ''),
    `127.0.0.1:${bare}`,
    bare.replace(/^(.*:.*):(\d+)$/, '[$1]:$2'),
    isIPv6(bare) ? `[${bare}]:9093` : `${bare}:9093`,
  ];
  return candidates.find((candidate) => parseListenAddress(candidate) !== undefined);
}

const allowedPrefix = 'a path such as /tocsin: no "//", no "." or ".." in it, nothing that a URL would have to encode';

/** The segments of a path: the characters that RFC 3986 allows there, and no dots that a client would resolve. */
const segments = /^(?:\/(?!(?:\.|%2e){1,2}(?:\/|$))(?:[\w.~!$&'()*+,;=:@-]|%[\da-f]{2})+)*$/i;

/** Reads the prefix of every path and trims it like Prometheus and Alertmanager: '' for `/`, `/tocsin` for `tocsin/`. */
export const readRoutePrefix: Reader<string> = (found) => {
  if (typeof found !== 'string') return { allowed: allowedPrefix };
  const value = trimmed(found);
  if (segments.test(value)) return { value };
  const mended = trimmed(found.replaceAll(/[\s/]+/g, '/'));
  return segments.test(mended) ? { allowed: allowedPrefix, suggestion: mended } : { allowed: allowedPrefix };
};

/** Reads a URL whose path can be a prefix of routes. */
export const readExternalUrl: Reader<string> = (found) => {
  const reading = readHttpUrl(found);
  if (!('value' in reading)) return reading;
  return segments.test(routePrefixOf(reading.value))
    ? reading
    : { allowed: `an http or https URL whose path is ${allowedPrefix}` };
};

/** The path of a parsed URL, as a prefix of routes. */
export function routePrefixOf(url: string): string {
  return trimmed(new URL(url).pathname);
}

function trimmed(path: string): string {
  const inner = path.replaceAll(/^\/+|\/+$/g, '');
  return inner === '' ? '' : `/${inner}`;
}
