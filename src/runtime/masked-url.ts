/** Where a URL begins in a text; not in the middle of a word, so that a long word is looked at once. */
const urlsInText = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]+/gi;

/**
 * A URL, or what was meant as one, without what may be secret: `https://***@host/path?tenant=***`. Cautious: what stands before
 * an "@" is hidden also without a scheme, since whoever forgot the scheme did not forget the password.
 */
export function maskUrl(text: string): string {
  const scheme = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?/i.exec(text)?.[0] ?? '';
  const rest = text.slice(scheme.length);
  // Without a scheme a "?" may be part of a regular expression.
  const query = scheme.trim() === '' ? /[?#][^?#]*=/ : /[?]|#[^#]*=/;
  const at = rest.lastIndexOf('@');
  const begin = rest.search(query);
  // A password with a "?", or a query with an "@": nobody knows where the secret ends.
  if (begin >= 0 && rest.slice(begin, Math.max(begin, at)).includes('=')) return `${scheme}***`;
  return `${scheme}${at < 0 ? '' : '***@'}${maskQuery(rest.slice(at + 1), query)}`;
}

/** A message in which every URL is masked as by {@link maskUrl}. */
export function maskUrls(text: string): string {
  return text.includes('://') ? text.replaceAll(urlsInText, maskUrl) : text;
}

/** The names stay, the values go. What has no name may be a token. */
function maskQuery(place: string, query: RegExp): string {
  const begin = place.search(query);
  if (begin < 0) return place;
  const parameters = place.slice(begin + 1).split('&');
  const masked = parameters.map((parameter) => (parameter.includes('=') ? `${parameter.split('=', 1)[0]}=***` : '***'));
  return place.slice(0, begin + 1) + masked.join('&');
}
