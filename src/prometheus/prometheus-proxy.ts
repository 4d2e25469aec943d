import { isIPv6 } from 'node:net';
import type { HttpConfig } from '../config/http-config.ts';
import { byWayOf, isExempt, proxyFromEnvironment, type Environment, type Proxy } from '../proxy/proxy-environment.ts';
import { PrometheusError } from './prometheus-error.ts';

export interface ProxyOptions {
  readonly url: string;
  /** The one address of its host that is to be asked. */
  readonly ip?: string | undefined;
  readonly httpConfig: Pick<HttpConfig, 'proxy_url' | 'no_proxy' | 'proxy_from_environment'>;
  readonly environment: Environment;
}

/**
 * The proxy between us and Prometheus: the one of `http_config`, or the environment's; undefined if there is none.
 * Throws PrometheusError if what the environment names is none, or cannot be used with the one address that is to be asked.
 */
export function prometheusProxy({ url, ip, httpConfig, environment }: ProxyOptions): Proxy | undefined {
  const { proxy_url: proxyUrl, no_proxy: noProxy, proxy_from_environment: fromEnvironment } = httpConfig;
  if (proxyUrl !== null) {
    const proxy = { url: proxyUrl.reveal(), namedBy: 'prometheus.http_config.proxy_url' };
    return noProxy !== null && isExempt(url, noProxy) ? undefined : proxy;
  }
  if (fromEnvironment === false) return undefined;
  const proxy = chosen(url, environment);
  if (proxy === undefined || ip === undefined || chosen(withHost(url, ip), environment) === undefined)
    return ip === undefined ? proxy : undefined;
  const { hostname } = new URL(url);
  throw new PrometheusError(
    'network',
    `Prometheus at ${hostname} (${ip}) would be asked${byWayOf(proxy)}, which looks the name up itself, and so cannot ask every address of it: let NO_PROXY name ${hostname}, or set prometheus.resolve to one.`,
  );
}

function chosen(url: string, environment: Environment): Proxy | undefined {
  try {
    return proxyFromEnvironment(url, environment);
  } catch (error) {
    throw new PrometheusError('network', (error as Error).message, { cause: error });
  }
}

function withHost(url: string, ip: string): string {
  const target = new URL(url);
  target.hostname = isIPv6(ip) ? `[${ip}]` : ip;
  return target.href;
}
