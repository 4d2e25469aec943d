import { isIP } from 'node:net';

/** The addresses under which this Tocsin may be known. */
export interface OwnAddresses {
  /** `receiver.advertised_urls`. If there are any, there are no others. */
  readonly advertisedUrls: readonly string[];
  /** `--web.external-url` */
  readonly externalUrl?: string | undefined;
  /** Where it listens; a host that is undefined is every interface. */
  readonly host: string | undefined;
  readonly port: number;
  readonly routePrefix: string;
  /** What may follow the prefix and lead to the same API. Default: nothing. */
  readonly apiPrefixes?: readonly string[];
  /** The names and addresses of this machine or pod, without those of the loopback. */
  readonly machine: readonly string[];
}

/** Whether alerts that are sent to some URLs reach this Tocsin. */
export type Reach = 'yes' | 'no' | 'unknown';

interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Judges the URLs to which a Prometheus sends its alerts. A name of a Service, a proxy or another network may lead here or not: then it
 * is unknown. It is certain only where an address is that of this machine, or where the configuration names the URLs of Tocsin.
 * @param prometheusUrl shows whether that Prometheus is on this machine, so that its loopback is ours
 */
export function reach(alertmanagers: readonly string[], prometheusUrl: string, own: OwnAddresses): Reach {
  const isHere = isThisMachine(placeOf(prometheusUrl)?.host ?? '', own, true);
  const each = alertmanagers.map((url) => reachOf(placeOf(url), isHere, own));
  if (each.includes('yes')) return 'yes';
  return each.includes('unknown') ? 'unknown' : 'no';
}

function reachOf(target: Place | undefined, sharesLoopback: boolean, own: OwnAddresses): Reach {
  if (target === undefined) return 'unknown';
  const named = [...own.advertisedUrls, ...(own.externalUrl === undefined ? [] : [own.externalUrl])];
  if (named.some((url) => isSame(placeOf(url), target))) return 'yes';
  if (own.advertisedUrls.length > 0) return 'no';
  if (!isThisMachine(target.host, own, sharesLoopback)) return 'unknown';
  const paths = [own.routePrefix, ...(own.apiPrefixes ?? []).map((each) => own.routePrefix + each)];
  if (target.port === own.port && paths.includes(target.path) && listensAt(target.host, own)) return 'yes';
  // Whoever has an external URL has a proxy, which may be on this machine.
  return own.externalUrl === undefined ? 'no' : 'unknown';
}

/** The path is that below which the API is. */
function placeOf(url: string): Place | undefined {
  const { hostname, port, pathname, protocol } = URL.parse(url) ?? {};
  if (hostname === undefined) return undefined;
  return {
    host: hostname.replace(/^\[|\]$/g, '').toLowerCase(),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    path: (pathname ?? '').replace(/\/+$/, '').replace(/\/api\/v[12]\/alerts$/, ''),
  };
}

function isSame(a: Place | undefined, b: Place): boolean {
  return a?.host === b.host && a.port === b.port && a.path === b.path;
}

function isThisMachine(host: string, { machine, host: listenHost }: OwnAddresses, sharesLoopback: boolean): boolean {
  if (isLoopback(host)) return sharesLoopback;
  return host === listenHost?.toLowerCase() || machine.some((name) => name.toLowerCase() === host);
}

/** An address of this machine on which nobody listens leads nowhere. */
function listensAt(host: string, { host: listenHost }: OwnAddresses): boolean {
  if (listenHost === undefined || listenHost === '0.0.0.0' || listenHost === '::') return true;
  if (isLoopback(listenHost)) return isLoopback(host);
  // A name of this machine may have the address on which it listens.
  return isIP(host) === 0 || isIP(listenHost) === 0 || host === listenHost;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
