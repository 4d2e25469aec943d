import { isIPv6 } from 'node:net';
import { isUtf8 } from 'node:buffer';

/** The form that nearly every sender uses, in one match. The rules below would accept all of it too. */
const usualPattern = /^https?:\/\/[\w.-]*(?::\d*)?(?:\/[^%?#\0-\x1f\x7f]*)?(?:\?[^#\0-\x1f\x7f]*)?$/;

/** Refused everywhere, so the patterns below do not look for control characters. */
const control = /[\0-\x1f\x7f]/;
const notScheme = /[^a-z\d+.-]/i;
const badEscape = /%(?![\da-f]{2})/i;
const badUserinfo = /[^\w.~!$&'()*+,;=:%@-]|%(?![\da-f]{2})/i;
/** In a host, only the bytes beyond ASCII and the percent sign may be escaped. */
const badHost = /[ #/?@\\^`{|}]|%(?!25|[89a-f][\da-f])/i;
/** In the zone of an address, the characters that a host may contain and the blank may be escaped: `[fe80::1%25eth%200]`. */
const badZone = /[ #/?@\\^`{|}]|%(?!2[0-24-9a-e]|3[\da-e]|4[1-9a-f]|5[\dabdf]|6[1-9a-f]|7[\dae])/i;

/**
 * True if Alertmanager accepts the text as a generatorURL: an absolute URI or an absolute path. The rules are those of Go's
 * url.ParseRequestURI, after the fragment has been cut off (github.com/go-openapi/strfmt, default.go). They are loose: they
 * accept `mailto:x`, `javascript:alert(1)`, `*` and blanks in a path. So check the scheme before you make a link of it. An empty
 * text is refused; the caller has to know that it means "absent".
 */
export function isRequestUri(text: string): boolean {
  if (usualPattern.test(text)) return true;
  const uri = before(text, '#');
  if (control.test(uri)) return false;
  if (uri === '*') return true;
  const scheme = schemeOf(uri);
  const rest = before(scheme === '' ? uri : uri.slice(scheme.length + 1), '?');
  if (!rest.startsWith('/')) return scheme !== '';
  if (scheme === '' || !rest.startsWith('//')) return !badEscape.test(rest);
  const authority = before(rest.slice(2), '/');
  return isAuthority(scheme, authority) && !badEscape.test(rest.slice(2 + authority.length));
}

/** The part of `text` before the first `mark`; all of it if there is none. */
function before(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/** The scheme without its colon; '' if there is none. */
function schemeOf(uri: string): string {
  const end = uri.search(notScheme);
  return /^[a-z]/i.test(uri) && uri[end] === ':' ? uri.slice(0, end) : '';
}

function isAuthority(scheme: string, authority: string): boolean {
  const at = authority.lastIndexOf('@');
  if (at >= 0 && badUserinfo.test(authority.slice(0, at))) return false;
  const host = authority.slice(at + 1);
  const bracket = host.lastIndexOf('[');
  if (bracket >= 0) return bracket === 0 && isAddressAndPort(host);
  // Go forbids a second colon in these two schemes only: database URLs have lists of hosts
  const colon = /^https?$/i.test(scheme) ? host.indexOf(':') : host.lastIndexOf(':');
  return (colon < 0 || isPort(host.slice(colon))) && !badHost.test(host);
}

/** `[::1]`, `[fe80::1%25eth0]:9093`; only an IPv6 address may stand in the brackets. */
function isAddressAndPort(host: string): boolean {
  const end = host.lastIndexOf(']');
  if (end < 0 || !isPort(host.slice(end + 1))) return false;
  const inside = host.slice(1, end);
  const address = before(inside, '%25');
  if (address.includes('%') || !isIPv6(address)) return false;
  const zone = inside.slice(address.length);
  return zone === '' || (zone !== '%25' && !badZone.test(zone));
}

/** Empty, or a colon and digits; the size of the number is not checked. */
function isPort(text: string): boolean {
  return text === '' || (text.startsWith(':') && !/\D/.test(text.slice(1)));
}

/** The texts that mean true, in any letter case; every other one means false. github.com/go-openapi/swag, ConvertBool. */
const truthy = new Set(['true', '1', 'yes', 'ok', 'y', 'on', 'selected', 'checked', 't', 'enabled']);

/** The parameters of a URL, as Go's url.ParseQuery and go-openapi read them. Broken parameters are left out. */
export class Query {
  readonly #values = new Map<string, string[]>();

  /** @param url of a request, as Node gives it: each character is one byte */
  constructor(url: string) {
    const start = url.indexOf('?');
    const pairs = start < 0 ? [] : url.slice(start + 1).split('&');
    for (const pair of pairs) if (pair !== '' && !pair.includes(';')) this.#add(pair);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The last value of the parameter; undefined if it is empty. */
  last(name: string): string | undefined {
    return this.all(name).at(-1) || undefined;
  }

  /** True unless the parameter has another value. */
  flag(name: string): boolean {
    const value = this.last(name);
    return value === undefined || truthy.has(value.toLowerCase());
  }

  #add(pair: string): void {
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return;
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
}

/** Undefined if a percent sign is not followed by two digits. */
function unescape(text: string): string | undefined {
  if (/%(?![\da-f]{2})/i.test(text)) return undefined;
  const bytes = text
    .replaceAll('+', ' ')
    .replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return decode(Buffer.from(bytes, 'latin1'));
}

/** A byte that is not UTF-8 becomes a lone surrogate, U+DC00 plus the byte, which equals nothing in any label. */
function decode(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)));
    text += length === undefined ? String.fromCharCode(0xdc00 + bytes[at]!) : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

/** Resolves the percent escapes of a text. The URL parser keeps a `%` that starts no escape; such a text is meant literally. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
