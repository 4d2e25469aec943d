import type { IncomingMessage, ServerResponse, RequestListener } from 'node:http';
import { isIP } from 'node:net';
import type { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';
import type { Clock } from '../../runtime/clock.ts';
import { senderOf, type KnownPaths } from '../request/request-head.ts';
import type { GateReport } from './gate-report.ts';
import { turnAway } from './turn-away.ts';
import { isLocked, type WebSettings } from './web-settings.ts';

export interface BrowserGuardOptions {
  readonly clock: Clock;
  readonly report: GateReport;
  /** `--web.external-url`: the address that browsers use. */
  readonly externalUrl?: string | undefined;
  readonly routes: KnownPaths;
  /** `--web.cors.origin`: origins of pages that may call the API. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  readonly place: ListeningPlace;
  /** The current settings of `--web.config.file`; undefined without that file. */
  readonly web?: { readonly current: WebSettings } | undefined;
}

/** Where the server listens; empty until it does. */
export interface ListeningPlace {
  /** The name in `--web.listen-address`. */
  host?: string | undefined;
  /** True if it listens only on this machine. */
  isLoopback?: boolean;
}

/** The methods that change nothing. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Prevents foreign web pages from using the browser of a person who can reach Tocsin. Two rules:
 *
 * - On the loopback without a lock, `Host` has to be an IP address, `localhost`, or a configured name. Otherwise a page whose own
 *   name suddenly means 127.0.0.1 (DNS rebinding) would pass for a page of Tocsin.
 * - A request that changes something must not come from a page of another origin, except from those of `--web.cors.origin` that
 *   call the API. Browsers send the origin in `Sec-Fetch-Site`, or else in `Origin`; other clients send neither. The rule is that
 *   of Go's CrossOriginProtection.
 */
export class BrowserGuard {
  readonly #options: BrowserGuardOptions;
  readonly #external: URL | undefined;

  constructor(options: BrowserGuardOptions) {
    this.#options = options;
    this.#external = options.externalUrl === undefined ? undefined : new URL(options.externalUrl);
  }

  /** True if the request was answered, because it must not go on. @param path without the route prefix */
  refuses(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    // The kubelet, or another supervisor, may use any name for it, and a page learns nothing from it.
    if (this.#options.routes.isHealth(path)) return false;
    if (!this.#isGoodHost(request)) this.#refuse('host', path, request, response);
    else if (!this.#isGoodOrigin(path, request)) this.#refuse('cross_site', path, request, response);
    else return false;
    return true;
  }

  #isGoodHost({ headers: { host } }: IncomingMessage): boolean {
    // HTTP/1.0 has none; every browser sends one.
    if (host === undefined || !this.#isOpenLoopback) return true;
    const name = hostName(host);
    const listenHost = this.#options.place.host?.toLowerCase();
    return isAddress(name) || name === 'localhost' || name === listenHost || name === this.#external?.hostname;
  }

  /** True if it listens only on this machine, and asks for no identity. */
  get #isOpenLoopback(): boolean {
    const { place, web } = this.#options;
    return place.isLoopback === true && (web === undefined || !isLocked(web.current));
  }

  #isGoodOrigin(path: string, { method = '', headers }: IncomingMessage): boolean {
    if (safeMethods.has(method)) return true;
    const { origin, host = '' } = headers;
    const site = headers['sec-fetch-site'];
    if (site === 'same-origin' || site === 'none') return true;
    if (site === undefined && (origin === undefined || originHost(origin) === host.toLowerCase())) return true;
    return origin !== undefined && this.#isTrusted(path, origin);
  }

  #isTrusted(path: string, origin: string): boolean {
    if (origin === this.#external?.origin) return true;
    return this.#options.routes.isApi(path) && this.#options.corsOrigin?.test(origin) === true;
  }

  #refuse(reason: 'host' | 'cross_site', path: string, request: IncomingMessage, response: ServerResponse): void {
    const { clock, report } = this.#options;
    const sender = senderOf(request);
    report.unauthorized(request, sender, path, reason);
    response.setHeader('X-Request-Id', sender.requestId);
    turnAway(clock, request, response, 403, advices[reason]);
  }
}

const advices = {
  host: 'Forbidden: without a lock Tocsin answers on the loopback to an IP address, to localhost and to the host of --web.external-url alone; the Host of this request is another name. Start it with --web.external-url=http://NAME:PORT, or with a lock (--web.config.file)\n',
  cross_site:
    'Forbidden: a web page of another origin may change nothing here. Allow its origin with --web.cors.origin (for the APIs below /api/), or start Tocsin with --web.external-url if it is a page of its own behind a proxy\n',
} as const;

/** The host of a `Host` header: without port, in lower case, without a final dot. */
function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Host and port of an origin, as in the header `Host`; undefined for `null` and for anything that is not an origin. */
function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

const methods = new Set(['GET', 'POST', 'DELETE', 'OPTIONS']);

/** How long a browser may cache the answer to a preflight, as in Alertmanager, seconds. */
const maxAgeSeconds = '600';

/**
 * Lets the web pages of some origins call the API, with the headers of Alertmanager 0.34 (`--web.cors.origin`). Without an
 * expression for the origins, it adds no headers.
 */
export function withCors(
  origins: AnchoredRegexp | undefined,
  routes: KnownPaths & { readonly handle: RequestListener },
): RequestListener {
  const listener = routes.handle;
  if (origins === undefined) return listener;
  return (request, response) => {
    const { origin = '' } = request.headers;
    if (!routes.isApi(request.url ?? '')) return listener(request, response);
    const wanted = preflightMethod(request);
    const isAllowed = origin !== '' && methods.has(wanted ?? request.method ?? '') && origins.test(origin);
    if (isAllowed) response.setHeader('Access-Control-Allow-Origin', origin);
    if (wanted === undefined) return listener(request, response.setHeader('Vary', 'Origin'));
    if (isAllowed) allow(request, response, wanted);
    response.setHeader('Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
    response.writeHead(204).end();
    request.resume();
  };
}

/** The method for which a browser asks permission before its request; undefined if this is not such a question. */
export function preflightMethod({ method, headers }: Parameters<RequestListener>[0]): string | undefined {
  const wanted = headers['access-control-request-method'];
  return method === 'OPTIONS' && wanted !== undefined && wanted !== '' ? wanted : undefined;
}

function allow(...[request, response, method]: [...Parameters<RequestListener>, string]): void {
  const headers = request.headers['access-control-request-headers'];
  response.setHeader('Access-Control-Allow-Methods', method);
  if (headers !== undefined && headers !== '') response.setHeader('Access-Control-Allow-Headers', headers);
  response.setHeader('Access-Control-Max-Age', maxAgeSeconds);
}
