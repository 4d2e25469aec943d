import type { Reader } from './settings/reading.ts';
import { Secret } from './settings/secret.ts';

/** What to send as one header: every value of all three lists. */
export interface HttpHeader {
  readonly values: readonly string[];
  readonly secrets: readonly Secret[];
  /** Files whose text is a value, blanks around it cut off. */
  readonly files: readonly string[];
}

const lists = ['values', 'secrets', 'files'] as const;

/** Those that Prometheus refuses too: they are made by the client itself. */
const reserved = new Set(
  (
    'host content-encoding content-length content-type user-agent connection keep-alive proxy-authenticate ' +
    'proxy-authorization www-authenticate accept-encoding transfer-encoding'
  ).split(' '),
);

const allowed = 'a map from the name of a header to {values: [...], secrets: [...], files: [...]}';

/** `http_headers` of Prometheus. Nothing of what was found is shown: it may be a secret. */
export const readHttpHeaders: Reader<ReadonlyMap<string, HttpHeader>> = (found) => {
  const headers = new Map<string, HttpHeader>();
  if (found === null) return { value: headers };
  if (!isMap(found)) return { allowed, secret: true };
  for (const [name, header] of Object.entries(found)) {
    const problem = problemOf(name, header);
    if (problem !== undefined) return { allowed: `${allowed}; ${problem}`, secret: true };
    headers.set(name, readHeader(header as Readonly<Record<string, readonly string[] | null | undefined>>));
  }
  return { value: headers };
};

function readHeader(found: Readonly<Record<string, readonly string[] | null | undefined>>): HttpHeader {
  const { values, secrets, files } = found;
  return { values: values ?? [], secrets: (secrets ?? []).map((text) => new Secret(text)), files: files ?? [] };
}

function problemOf(name: string, header: unknown): string | undefined {
  if (!/^[!#$%&'*+.^_`|~\w-]{1,200}$/.test(name)) return 'one name is no name of a header';
  if (reserved.has(name.toLowerCase())) return `${name} cannot be set`;
  if (!isMap(header)) return `${name} is no such map`;
  const stranger = Object.keys(header).find((key) => !(lists as readonly string[]).includes(key));
  if (stranger !== undefined) return `${name} has a key that is none of ${lists.join(', ')}`;
  const bad = lists.find((list) => !isTextList(header[list] ?? []));
  return bad === undefined ? undefined : `${name}.${bad} is no list of texts, each of one line`;
}

function isTextList(found: unknown): boolean {
  return Array.isArray(found) && found.every((text) => typeof text === 'string' && isHeaderValue(text));
}

/** Whether a text can be sent as the value of a header: of one line, and of bytes. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function isMap(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}
