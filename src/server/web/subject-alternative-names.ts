import { canonicalAddress } from './web-config-readers.ts';

/** An entry as Node prints it: `DNS:name`, `IP Address:::1`, or quoted as JSON where the name holds what would mislead. */
const entry =
  /(DNS|IP Address|URI|email):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)|[^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*(?:, |$)/gy;

/** The DNS names, IP addresses, e-mail addresses and URIs that a certificate is issued to; of `subjectAltName` as Node prints it. */
export function subjectAlternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const [whole, kind, quoted, plain] of text.matchAll(entry)) {
    if (whole === '') break;
    if (kind === undefined) continue;
    const name = quoted === undefined ? (plain ?? '') : unquoted(quoted);
    if (name !== undefined) names.push(kind === 'IP Address' ? canonicalAddress(name) : name);
  }
  return names;
}

function unquoted(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
