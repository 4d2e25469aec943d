import { isIPv4, isIPv6 } from 'node:net';
import type { Reader } from '../settings/reading.ts';

/** Where a server listens. */
export interface ListenAddress {
  /** A name or an IP address (IPv6 without brackets); undefined is every interface. */
  readonly host: string | undefined;
  /** 0 is any free port. */
  readonly port: number;
}

const allowed = 'HOST:PORT, :PORT for every interface, [IPV6]:PORT; a port is 0 (any free one) to 65535';

/** Reads `127.0.0.1:9093`, `:9093`, `[::1]:9093`, `localhost:0`. */
export const readListenAddress: Reader<ListenAddress> = (found) => {
  if (typeof found !== 'string') return { allowed };
  const value = parseListenAddress(found);
  return value === undefined ? { allowed, suggestion: suggestListenAddress(found) } : { value };
};

function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name = '', digits] = match;
  const port = Number(digits);
  const hostIsGood = ipv6 === undefined ? name === '' || isHostName(name) : isIPv6(ipv6);
  return hostIsGood && port <= 65535 ? { host: ipv6 ?? (name || undefined), port } : undefined;
}

/** Digits and dots alone are an IPv4 address or a mistake. */
function isHostName(name: string): boolean {
  return /^[\d.]+$/.test(name) ? isIPv4(name) : /^[a-z\d_](?:[a-z\d_.-]*[a-z\d_.])?$/i.test(name);
}

/** A missing host becomes this machine alone, never every interface: that is for the user to ask for. */
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
