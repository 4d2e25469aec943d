import type { RequestListener } from 'node:http';
import type { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';

const methods = new Set(['GET', 'POST', 'DELETE', 'OPTIONS']);

/** How long a browser may believe a preflight's answer, as Alertmanager has it, seconds. */
const maxAgeSeconds = '600';

/**
 * Lets the web pages of some origins call the API, with the headers of Alertmanager 0.34 (`--web.cors.origin`). Without an
 * expression for the origins nothing of this is sent.
 */
export function withCors(origins: AnchoredRegexp | undefined, listener: RequestListener): RequestListener {
  if (origins === undefined) return listener;
  return (request, response) => {
    const { origin = '' } = request.headers;
    if (!(request.url ?? '').startsWith('/api/v2/')) return listener(request, response);
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

/** The method that a browser asks about before it sends the request itself; undefined if this is no such question. */
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
