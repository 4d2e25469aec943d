import type { Reader, Reading } from './reader.ts';

/** In characters. The time of the search for the intended URL grows with the square of the length. */
const maxMendedLength = 1000;

const allowed = 'an http or https URL without query or fragment, as in http://prometheus:9090/prefix';

/**
 * Reads an http or https URL, optionally with a path prefix, a name and a password. The value has no slash at its end, so that a path
 * can be appended.
 */
export const readHttpUrl: Reader<string> = (found) => {
  if (typeof found !== 'string') return { allowed };
  const value = parseHttpUrl(found);
  if (value !== undefined) return { value };
  return { allowed, suggestion: mendHttpUrl(found) };
};

/** Adds a missing scheme, removes a query. Makes no guess at a URL with a password: a guess that cuts it wrongly would show it. */
function mendHttpUrl(text: string): string | undefined {
  if (text.includes('@') || text.length > maxMendedLength) return undefined;
  const [, scheme = 'http', rest = ''] =
    /^\s*(?:(https?)(?::[/\\]*|[/\\]+))?[/\\]*([^?#]*?)\s*(?:[?#].*)?$/is.exec(text) ?? [];
  const mended = `${scheme}://${rest}`;
  return rest.includes('://') || parseHttpUrl(mended) === undefined ? undefined : mended;
}

/** The URL parser alone would accept too much: "http:prometheus", blanks within the URL, a backslash for a slash. */
function parseHttpUrl(text: string): string | undefined {
  if (!/^https?:\/\/[^\s/\\][^\s\\?#]*$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).href.replace(/\/+$/, '');
}

/** Ports of other protocols, which fetch never connects to: https://fetch.spec.whatwg.org/#port-blocking */
const blockedPorts: ReadonlySet<string> = new Set(
  `1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137
  139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720
  1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080`.split(/\s+/),
);

/**
 * Reads the URL of a Prometheus like {@link readHttpUrl}. A URL that fetch would always refuse is refused at once. A query belongs into
 * another key, and is not cut off from the suggestion.
 */
export const readPrometheusUrl: Reader<string> = (found) => {
  if (typeof found === 'string' && found.includes('?')) return { allowed: queryRemedy(found), secret: true };
  return withoutBlockedPort(readHttpUrl(found), 'Prometheus');
};

/** Reads the URL of an Alertmanager like {@link readHttpUrl}. A URL that fetch would always refuse is refused at once. */
export const readAlertmanagerUrl: Reader<string> = (found) => {
  const reading = readHttpUrl(found);
  const example = allowed.replace('prometheus:9090', 'alertmanager:9093');
  return withoutBlockedPort('value' in reading ? reading : { ...reading, allowed: example }, 'Alertmanager');
};

function withoutBlockedPort(reading: Reading<string>, server: string): Reading<string> {
  const url = 'value' in reading ? reading.value : reading.suggestion;
  const port = url === undefined ? '' : new URL(url).port;
  if (!blockedPorts.has(port)) return reading;
  return {
    allowed: `another port, as the fetch standard blocks ${port}; a reverse proxy can give ${server} one`,
  };
}

/** Names the parameters without their values, which may be a token. */
function queryRemedy(text: string): string {
  const names = [...new URLSearchParams(text.slice(text.indexOf('?')).replace(/#.*$/s, '')).keys()];
  const shown = names.filter((name) => /^[\w.:-]{1,60}$/.test(name)).map((name) => `${name}: [...]`);
  const params = shown.length === 0 ? 'namespace: [...]' : [...new Set(shown)].slice(0, 5).join(', ');
  return `an http or https URL without its query, which is added to every query from prometheus.params: {${params}}`;
}
