import { readHttpUrl } from '../settings/http-url.ts';
import type { Reader } from '../settings/reading.ts';

const allowed = 'a path such as /tocsin: no "//", no "." or ".." in it, nothing that a URL would have to encode';

/** The part of a path between two slashes: what RFC 3986 lets stand there, and no dots that a client would resolve. */
const segments = /^(?:\/(?!(?:\.|%2e){1,2}(?:\/|$))(?:[\w.~!$&'()*+,;=:@-]|%[\da-f]{2})+)*$/i;

/** The prefix of every path, as Prometheus and Alertmanager trim it: '' for `/`, `/tocsin` for `tocsin/`. */
export const readRoutePrefix: Reader<string> = (found) => {
  if (typeof found !== 'string') return { allowed };
  const value = trimmed(found);
  if (segments.test(value)) return { value };
  const mended = trimmed(found.replaceAll(/[\s/]+/g, '/'));
  return segments.test(mended) ? { allowed, suggestion: mended } : { allowed };
};

/** A URL whose path can be a prefix of routes. */
export const readExternalUrl: Reader<string> = (found) => {
  const reading = readHttpUrl(found);
  if (!('value' in reading)) return reading;
  return segments.test(routePrefixOf(reading.value))
    ? reading
    : { allowed: `an http or https URL whose path is ${allowed}` };
};

/** The path of a URL that was read, as a prefix of routes. */
export function routePrefixOf(url: string): string {
  return trimmed(new URL(url).pathname);
}

function trimmed(path: string): string {
  const inner = path.replaceAll(/^\/+|\/+$/g, '');
  return inner === '' ? '' : `/${inner}`;
}
