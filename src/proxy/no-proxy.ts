import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** A host and port that somebody wants to reach. */
export interface Target {
  /** As the URL parser gives it, without brackets: in lower case, and ASCII. */
  readonly host: string;
  readonly port: string;
}

type Matcher = (target: Target) => boolean;

/**
 * What NO_PROXY says, by the rules of Go's golang.org/x/net/http/httpproxy, which kubectl and Prometheus follow. Entries are
 * separated by commas: `*` is everybody; an address; a CIDR, which holds for addresses alone and is never looked up for a name; a
 * domain, `example.com`, with all below it; `.example.com` or `*.example.com`, with what is below it only. An address or a domain
 * may have a port. An entry that is nothing of this matches nobody.
 * @returns true for a target that is to be reached without a proxy
 */
export function noProxyMatcher(noProxy: string): Matcher {
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  if (entries.includes('*')) return () => true;
  const matchers = entries.flatMap((entry) => matcherOf(entry) ?? []);
  return (target) => isLocal(target) || matchers.some((matches) => matches(target));
}

/** Nobody asks a proxy for what is on this machine. */
function isLocal({ host }: Target): boolean {
  return host === 'localhost' || host === '::1' || (asIPv4(host)?.startsWith('127.') ?? false);
}

function matcherOf(entry: string): Matcher | undefined {
  const network = networkOf(entry);
  if (network !== undefined) return ({ host }) => network(host);
  const { host, port } = splitHostPort(entry) ?? { host: entry, port: '' };
  if (host === '') return undefined;
  const samePort: Matcher = (target) => port === '' || port === target.port;
  const isHost = addressMatcher(host, undefined) ?? ((target: string) => isIP(target) === 0 && inDomain(host, target));
  return (target) => isHost(target.host) && samePort(target);
}

function networkOf(entry: string): ((host: string) => boolean) | undefined {
  const [, address, bits] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  return address === undefined ? undefined : addressMatcher(address, Number(bits));
}

/** Undefined if that is no address, or no network. @param bits of the network; undefined: the address alone */
function addressMatcher(text: string, bits: number | undefined): ((host: string) => boolean) | undefined {
  const written = isIP(text);
  if (written === 0 || (bits ?? 0) > (written === 4 ? 32 : 128)) return undefined;
  const plain = asIPv4(text);
  const isMapped = written === 6 && plain !== undefined && (bits ?? 128) >= mappedBits;
  const list = new BlockList();
  if (isMapped) list.addSubnet(plain, (bits ?? 128) - mappedBits, 'ipv4');
  else list.addSubnet(text, bits ?? (written === 4 ? 32 : 128), written === 4 ? 'ipv4' : 'ipv6');
  const family = isMapped ? 4 : written;
  return (host) => isIn(list, family, host);
}

/** The bits before an IPv4 address that is written as one of IPv6. */
const mappedBits = 96;

/** An IPv4 address in IPv6's clothes is that address; otherwise none of one family is in a network of the other. */
function isIn(list: BlockList, family: number, host: string): boolean {
  const address = asIPv4(host) ?? host;
  return isIP(address) === family && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** `10.0.0.1` of `::ffff:a00:1`; undefined for any other address of IPv6. */
function asIPv4(address: string): string | undefined {
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : undefined;
  const canonical = URL.parse(`http://[${address}]`)?.hostname ?? '';
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16));
  return bytes.join('.');
}

function inDomain(entry: string, host: string): boolean {
  const domain = entry.startsWith('*.') ? entry.slice(1) : entry;
  if (domain.startsWith('.')) return host.endsWith(ascii(domain));
  return host === ascii(domain) || host.endsWith(`.${ascii(domain)}`);
}

/** The URL parser writes names of other alphabets in ASCII; what cannot be written so, or is no name, stays. */
function ascii(domain: string): string {
  const isForeign = /[^\x20-\x7e]/.test(domain) && !/[\s/?#\\:@[\]]/.test(domain);
  return (isForeign && domainToASCII(domain)) || domain;
}

/** `host:port` and `[address]:port`; undefined if the text is none of them. */
function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const [, inBrackets, plain, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text) ?? [];
  return port === undefined ? undefined : { host: inBrackets ?? plain ?? '', port };
}
