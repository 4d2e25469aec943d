import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { Logger } from '../runtime/logger.ts';
import { maskUrl } from '../runtime/masked-url.ts';

/** A proxy between Tocsin and a server, and the setting that named it. */
export interface Proxy {
  /** Includes its name and password, if it needs them. */
  readonly url: string;
  /** `HTTPS_PROXY`, `prometheus.http_config.proxy_url`, … */
  readonly namedBy: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * The proxy that the environment names for a URL: HTTPS_PROXY for https, HTTP_PROXY for http, and none for this machine and the hosts
 * in NO_PROXY. Upper case wins over lower case. kubectl does the same.
 * Throws an Error for the user if the variable that counts is not the URL of a proxy.
 */
export function proxyFromEnvironment(target: string, environment: Environment): Proxy | undefined {
  const { protocol } = new URL(target);
  const [name, value] = variable(environment, protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  const [, noProxy] = variable(environment, 'NO_PROXY');
  if (value === '' || isExempt(target, noProxy)) return undefined;
  return { url: proxyUrl(name, value), namedBy: name };
}

/** True if a list like NO_PROXY names the host of the URL. */
export function isExempt(target: string, noProxy: string): boolean {
  const { protocol, hostname, port } = new URL(target);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return noProxyMatcher(noProxy)({ host, port: port || (defaultPorts[protocol] ?? '') });
}

/** How a message describes the way to a server: not at all, or ` by way of the proxy http://proxy:3128 (HTTPS_PROXY)`. */
export function byWayOf(proxy: Proxy | undefined): string {
  return proxy === undefined ? '' : ` by way of the proxy ${maskUrl(proxy.url)} (${proxy.namedBy})`;
}

/** Logs at the start that there is a proxy, for those who set the variable for something else. */
export function logProxy(logger: Pick<Logger, 'info'>, target: string, proxy: Proxy | undefined): void {
  if (proxy === undefined) return;
  const fields = { target: maskUrl(target), proxy: maskUrl(proxy.url), named_by: proxy.namedBy };
  logger.info('proxy.used', 'a server is reached by way of a proxy', fields);
}

function variable(environment: Environment, name: string): readonly [name: string, value: string] {
  for (const spelled of [name, name.toLowerCase()]) {
    const value = environment[spelled]?.trim() ?? '';
    if (value !== '') return [spelled, value];
  }
  return [name, ''];
}

/** Reads the value as Go does: without a scheme it is `host:port`. */
function proxyUrl(name: string, value: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (/^https?:\/\/[^/]/i.test(text) && URL.canParse(text)) return text;
  const allowed = 'the http or https URL of a proxy, or its host:port; SOCKS is not supported';
  throw new Error(`the environment variable ${name} is "${maskUrl(value)}", allowed: ${allowed}`);
}

/** The host and port of a connection. */
export interface Target {
  /** As the URL parser writes it, without brackets: lower case and ASCII. */
  readonly host: string;
  readonly port: string;
}

type Matcher = (target: Target) => boolean;

/**
 * The meaning of NO_PROXY by the rules of Go's golang.org/x/net/http/httpproxy, which kubectl and Prometheus follow. Entries are
 * separated by commas. `*` is every host. An entry may be an address; a CIDR, which applies to addresses only, since no name is looked
 * up for it; a domain, `example.com`, with everything below it; `.example.com` or `*.example.com`, with only what is below it. An
 * address or a domain may have a port. Any other entry matches nothing.
 * @returns true for a target that is reached without a proxy
 */
export function noProxyMatcher(noProxy: string): Matcher {
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  if (entries.includes('*')) return () => true;
  const matchers = entries.flatMap((entry) => matcherOf(entry) ?? []);
  return (target) => isLocal(target) || matchers.some((matches) => matches(target));
}

/** What is on this machine is never reached through a proxy. */
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

/** Undefined if the text is not an address, or not a network. @param bits of the network; undefined: the address alone */
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

/** The number of bits before an IPv4 address that is written as an IPv6 address. */
const mappedBits = 96;

/** An IPv4-mapped IPv6 address counts as the IPv4 address. Otherwise no address of one family is in a network of the other. */
function isIn(list: BlockList, family: number, host: string): boolean {
  const address = asIPv4(host) ?? host;
  return isIP(address) === family && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** `10.0.0.1` for `::ffff:a00:1`; undefined for any other IPv6 address. */
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

/** The URL parser writes names of other alphabets in ASCII; a text that cannot be written so, or is not a name, stays as it is. */
function ascii(domain: string): string {
  const isForeign = /[^\x20-\x7e]/.test(domain) && !/[\s/?#\\:@[\]]/.test(domain);
  return (isForeign && domainToASCII(domain)) || domain;
}

/** Splits `host:port` and `[address]:port`; undefined if the text is neither. */
function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const [, inBrackets, plain, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text) ?? [];
  return port === undefined ? undefined : { host: inBrackets ?? plain ?? '', port };
}
