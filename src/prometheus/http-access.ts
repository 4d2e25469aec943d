import { isIP, isIPv6, type LookupFunction } from 'node:net';
import * as outbound from '../outbound/http-access.ts';
import { byWayOf, type Proxy } from '../outbound/proxy-environment.ts';
import { asPrometheusError, PrometheusError, prometheusWords } from './prometheus-error.ts';

export interface ProxyOptions extends Omit<outbound.ProxyOptions, 'words'> {
  /** The one address of the host to ask. */
  readonly ip?: string | undefined;
}

/**
 * The proxy between Tocsin and Prometheus, from `http_config` or from the environment; undefined if there is none.
 * Throws PrometheusError if the environment's value is not a proxy, or does not work with a query to one address.
 */
export function prometheusProxy({ ip, ...options }: ProxyOptions): Proxy | undefined {
  const proxy = proxyTo(options);
  // A proxy of the configuration stands there only without addresses of its own: the configuration is checked for that.
  if (proxy === undefined || ip === undefined || options.httpConfig.proxy_url !== null) return proxy;
  if (proxyTo({ ...options, url: withHost(options.url, ip) }) === undefined) return undefined;
  const { hostname } = new URL(options.url);
  throw new PrometheusError(
    'network',
    `Prometheus at ${hostname} (${ip}) would be asked${byWayOf(proxy)}, which looks the name up itself, and so cannot ask every address of it: let NO_PROXY name ${hostname}, or set prometheus.resolve to one.`,
  );
}

function proxyTo(options: Omit<outbound.ProxyOptions, 'words'>): Proxy | undefined {
  try {
    return outbound.proxyTo({ ...options, words: prometheusWords });
  } catch (error) {
    throw asPrometheusError(error);
  }
}

function withHost(url: string, ip: string): string {
  const target = new URL(url);
  target.hostname = isIPv6(ip) ? `[${ip}]` : ip;
  return target.href;
}

/** Connects to one address while the Host header, SNI and the name in the certificate stay those of the URL. */
export function lookupOf(ip: string): LookupFunction {
  const family = isIP(ip);
  return (_host, { all }, found) => (all === true ? found(null, [{ address: ip, family }]) : found(null, ip, family));
}
