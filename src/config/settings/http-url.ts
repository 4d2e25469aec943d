import type { Reader } from './reading.ts';

/** In characters. The search for what was meant takes time by the square of the length. */
const maxMendedLength = 1000;

const allowed = 'an http or https URL without query or fragment, as in http://prometheus:9090/prefix';

/**
 * An http or https URL, with a path prefix, a name and a password if need be. The value has no slash at its end, so that
 * a path can be appended.
 */
export const readHttpUrl: Reader<string> = (found) => {
  if (typeof found !== 'string') return { allowed };
  const value = parseHttpUrl(found);
  if (value !== undefined) return { value };
  return { allowed, suggestion: mendHttpUrl(found) };
};

/** Adds a missing scheme, takes away a query. No guess at a URL with a password: a guess that cuts it amiss would show it. */
function mendHttpUrl(text: string): string | undefined {
  if (text.includes('@') || text.length > maxMendedLength) return undefined;
  const [, scheme = 'http', rest = ''] =
    /^\s*(?:(https?)(?::[/\\]*|[/\\]+))?[/\\]*([^?#]*?)\s*(?:[?#].*)?$/is.exec(text) ?? [];
  const mended = `${scheme}://${rest}`;
  return rest.includes('://') || parseHttpUrl(mended) === undefined ? undefined : mended;
}

/** The URL parser alone would forgive too much: "http:prometheus", blanks within, a backslash for a slash. */
function parseHttpUrl(text: string): string | undefined {
  if (!/^https?:\/\/[^\s/\\][^\s\\?#]*$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).href.replace(/\/+$/, '');
}
