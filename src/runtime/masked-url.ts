/** The beginning of a URL in a text. It is not in the middle of a word, so a long word is tried only once. */
const urlsInText = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]+/gi;

/**
 * Masks what may be secret in a URL, or in a text that was meant as one: `https://***@host/path?tenant=***`. It is cautious: it
 * hides the part before an "@" even without a scheme, because a person who forgot the scheme did not forget the password.
 */
export function maskUrl(text: string): string {
  const scheme = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?/i.exec(text)?.[0] ?? '';
  const rest = text.slice(scheme.length);
  // Without a scheme, a "?" may be part of a regular expression.
  const query = scheme.trim() === '' ? /[?#][^?#]*=/ : /[?]|#[^#]*=/;
  const at = rest.lastIndexOf('@');
  const begin = rest.search(query);
  // A password may have a "?" and a query may have an "@", so the end of the secret is unknown.
  if (begin >= 0 && rest.slice(begin, Math.max(begin, at)).includes('=')) return `${scheme}***`;
  return `${scheme}${at < 0 ? '' : '***@'}${maskQuery(rest.slice(at + 1), query)}`;
}

/** Masks every URL in a message, as {@link maskUrl} does. */
export function maskUrls(text: string): string {
  return text.includes('://') ? text.replaceAll(urlsInText, maskUrl) : text;
}

/** Keeps the names and masks the values. A part without a name may be a token. */
function maskQuery(place: string, query: RegExp): string {
  const begin = place.search(query);
  if (begin < 0) return place;
  const parameters = place.slice(begin + 1).split('&');
  const masked = parameters.map((parameter) => (parameter.includes('=') ? `${parameter.split('=', 1)[0]}=***` : '***'));
  return place.slice(0, begin + 1) + masked.join('&');
}
