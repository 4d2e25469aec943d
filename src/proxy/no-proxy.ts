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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Nobody asks a proxy for what is on this machine. */
function isLocal({ host }: Target): boolean {
  return host === 'localhost' || contains(loopback, host);
}

function matcherOf(entry: string): Matcher | undefined {
  const network = cidr(entry);
  if (network !== undefined) return ({ host }) => contains(network, host);
  const { host, port } = splitHostPort(entry) ?? { host: entry, port: '' };
  if (host === '') return undefined;
  const samePort: Matcher = (target) => port === '' || port === target.port;
  const family = isIP(host);
  if (family === 0) return (target) => inDomain(host, target.host) && samePort(target);
  const address = new BlockList();
  address.addAddress(host, family === 4 ? 'ipv4' : 'ipv6');
  return (target) => contains(address, target.host) && samePort(target);
}

function cidr(entry: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return network;
}

/** An IPv4 address in IPv6's clothes is that address. */
function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function inDomain(entry: string, host: string): boolean {
  const domain = entry.startsWith('*.') ? entry.slice(1) : entry;
  if (domain.startsWith('.')) return host.endsWith(ascii(domain));
  return host === ascii(domain) || host.endsWith(`.${ascii(domain)}`);
}

/** The URL parser writes names of other alphabets in ASCII; what cannot be written so stays. */
function ascii(domain: string): string {
  return /^[\x21-\x7e]*$/.test(domain) ? domain : domainToASCII(domain) || domain;
}

/** `host:port` and `[address]:port`; undefined if the text is none of them. */
function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const [, inBrackets, plain, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text) ?? [];
  return port === undefined ? undefined : { host: inBrackets ?? plain ?? '', port };
}
