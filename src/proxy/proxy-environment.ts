import type { Logger } from '../runtime/logger.ts';
import { maskUrl } from '../runtime/masked-url.ts';
import { noProxyMatcher } from './no-proxy.ts';

/** A proxy that stands between us and a server, and who named it. */
export interface Proxy {
  /** With name and password, if it wants them. */
  readonly url: string;
  /** `HTTPS_PROXY`, `prometheus.http_config.proxy_url`, … */
  readonly namedBy: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * The proxy for a URL, as the environment names it: HTTPS_PROXY for https, HTTP_PROXY for http, and none for what NO_PROXY names
 * and for this machine. Upper case wins over lower case. That is what kubectl does.
 * Throws an Error for the user if the variable that counts is no URL of a proxy.
 */
export function proxyFromEnvironment(target: string, environment: Environment): Proxy | undefined {
  const { protocol } = new URL(target);
  const [name, value] = variable(environment, protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  const [, noProxy] = variable(environment, 'NO_PROXY');
  if (value === '' || isExempt(target, noProxy)) return undefined;
  return { url: proxyUrl(name, value), namedBy: name };
}

/** True if a list as in NO_PROXY names the host of the URL. */
export function isExempt(target: string, noProxy: string): boolean {
  const { protocol, hostname, port } = new URL(target);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return noProxyMatcher(noProxy)({ host, port: port || (defaultPorts[protocol] ?? '') });
}

/** What a message says of the way to a server: nothing, or ` by way of the proxy http://proxy:3128 (HTTPS_PROXY)`. */
export function byWayOf(proxy: Proxy | undefined): string {
  return proxy === undefined ? '' : ` by way of the proxy ${maskUrl(proxy.url)} (${proxy.namedBy})`;
}

/** Says at the start that there is one: whoever set the variable for something else wants to know. */
export function tellProxy(logger: Pick<Logger, 'info'>, target: string, proxy: Proxy | undefined): void {
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

/** As Go reads it: what has no scheme is `host:port`. */
function proxyUrl(name: string, value: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (/^https?:\/\/[^/]/i.test(text) && URL.canParse(text)) return text;
  const allowed = 'the http or https URL of a proxy, or its host:port; SOCKS is not supported';
  throw new Error(`the environment variable ${name} is "${maskUrl(value)}", allowed: ${allowed}`);
}
