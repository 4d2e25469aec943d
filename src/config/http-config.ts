import { resolve } from 'node:path';
import * as z from 'zod';
import { readHttpUrl } from './settings/http-url.ts';
import { unshown, type Reader } from './settings/reader.ts';
import { Secret } from './settings/show-value.ts';
import { secretSection, setting } from './settings/setting.ts';
import { orNull, readBoolean, readChoice, readPath } from './settings/value-readers.ts';

/** The values of one header, from all three lists. */
export interface HttpHeader {
  readonly values: readonly string[];
  readonly secrets: readonly Secret[];
  /** Files whose text is a value, without surrounding blanks. */
  readonly files: readonly string[];
}

const lists = ['values', 'secrets', 'files'] as const;

/** The headers that Prometheus refuses too: the client creates them itself. */
const reserved = new Set(
  (
    'host content-encoding content-length content-type user-agent connection keep-alive proxy-authenticate ' +
    'proxy-authorization www-authenticate accept-encoding transfer-encoding'
  ).split(' '),
);

const allowed = 'a map from the name of a header to {values: [...], secrets: [...], files: [...]}';

/** Reads Prometheus's `http_headers`. No value that was found is shown: it may be a secret. */
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

/** Whether a text can be sent as the value of a header: one line, and only bytes. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function isMap(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

const tlsVersions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

const readSecret: Reader<Secret> = (found) =>
  typeof found === 'string'
    ? { value: new Secret(found) }
    : { allowed: 'a text; in quotes, if it looks like a number', secret: true };
const readText: Reader<string> = unshown((found) =>
  typeof found === 'string' ? { value: found } : { allowed: 'a text; in quotes, if it looks like a number' },
);
const readFile = unshown(readPath);
const readType: Reader<string> = unshown((found) =>
  typeof found === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(found) && found.toLowerCase() !== 'basic'
    ? { value: found }
    : { allowed: 'a word such as Bearer; for Basic there is basic_auth' },
);
const readProxy: Reader<Secret> = (found) => {
  const url = readHttpUrl(found);
  // The URL may hold a password.
  return 'value' in url
    ? { value: new Secret(url.value) }
    : { allowed: 'the http or https URL of a proxy', secret: true };
};
const readNoRedirects: Reader<false> = (found) =>
  found === false ? { value: false } : { allowed: 'false: a redirect could send the credentials elsewhere' };

type Keys = Readonly<Record<string, unknown>>;

/** Allows at most one of two keys. */
function notBoth(first: string, second: string): z.core.$ZodCheck<Keys> {
  return z.refine<Keys>((found) => !(isSet(found[first]) && isSet(found[second])), {
    path: [second],
    error: `cannot stand beside ${first}: give one of the two`,
    when: () => true,
  });
}

/** A certificate without its key, or a key without its certificate, is a mistake. */
const certificateWithKey = z.refine<Keys>(
  ({ cert, cert_file, key, key_file }) =>
    ((cert ?? cert_file ?? null) === null) === ((key ?? key_file ?? null) === null),
  { error: 'a client certificate needs both cert or cert_file, and key or key_file', when: () => true },
);

const oneAuthorization = z.refine<{ readonly basic_auth: Keys; readonly authorization: Keys }>(
  ({ basic_auth: basic, authorization: other }) =>
    !(given(basic) && (other['credentials'] ?? other['credentials_file'] ?? null) !== null),
  { path: ['authorization'], error: 'cannot stand beside basic_auth: give one of the two' },
);

const oneProxy = z.refine<Keys>(
  ({ proxy_url: url, proxy_from_environment: fromEnvironment }) => !(isSet(url) && fromEnvironment === true),
  { path: ['proxy_from_environment'], error: 'cannot be true beside proxy_url: give one of the two', when: () => true },
);

/** The environment has its own list. */
const noProxyOfProxy = z.refine<Keys>(({ proxy_url: url, no_proxy: list }) => !isSet(list) || isSet(url), {
  path: ['no_proxy'],
  error: 'needs proxy_url beside it; for a proxy of the environment set NO_PROXY there',
  when: () => true,
});

function isSet(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function given(keys: Keys): boolean {
  return Object.values(keys).some((value) => value !== null);
}

/**
 * How to ask a server, in the shape of Prometheus's `http_config`. Files are read again for every query; a relative path starts at
 * the folder of the configuration file. Each secret is a {@link Secret}.
 */
export const HttpConfig = secretSection(
  {
    basic_auth: secretSection(
      {
        username: setting(orNull(readText), null),
        username_file: setting(orNull(readFile), null),
        password: setting(orNull(readSecret), null),
        password_file: setting(orNull(readFile), null),
      },
      notBoth('username', 'username_file'),
      notBoth('password', 'password_file'),
    ),
    authorization: secretSection(
      {
        type: setting(readType, 'Bearer'),
        credentials: setting(orNull(readSecret), null),
        credentials_file: setting(orNull(readFile), null),
      },
      notBoth('credentials', 'credentials_file'),
    ),
    tls_config: secretSection(
      {
        ca: setting(orNull(readText), null),
        ca_file: setting(orNull(readFile), null),
        cert: setting(orNull(readText), null),
        cert_file: setting(orNull(readFile), null),
        key: setting(orNull(readSecret), null),
        key_file: setting(orNull(readFile), null),
        server_name: setting(orNull(readText), null),
        insecure_skip_verify: setting(readBoolean, false),
        min_version: setting(readChoice(tlsVersions), 'TLS12'),
        max_version: setting(readChoice(tlsVersions), 'TLS13'),
      },
      notBoth('ca', 'ca_file'),
      notBoth('cert', 'cert_file'),
      notBoth('key', 'key_file'),
      certificateWithKey,
    ),
    http_headers: setting(readHttpHeaders, null),
    proxy_url: setting(orNull(readProxy), null),
    /** The hosts to ask without proxy_url, in the form of NO_PROXY. */
    no_proxy: setting(orNull(readText), null),
    /** Whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY apply. Null: they apply unless there is a proxy_url. */
    proxy_from_environment: setting(orNull(readBoolean), null),
    /** Always false: the key exists so that Prometheus's own configuration can be copied. */
    follow_redirects: setting(readNoRedirects, false),
    /** Accepted for the same reason, without effect: an occasional query gains nothing from HTTP/2. */
    enable_http2: setting(readBoolean, true),
  },
  oneAuthorization,
  oneProxy,
  noProxyOfProxy,
);

export type HttpConfig = z.infer<typeof HttpConfig>;

/** Resolves the paths in the configuration relative to `folder`. */
export function withPathsFrom(folder: string, config: HttpConfig): HttpConfig {
  const from = <T extends Keys>(section: T): T =>
    Object.fromEntries(
      Object.entries(section).map(([key, value]) => [
        key,
        key.endsWith('_file') && typeof value === 'string' ? resolve(folder, value) : value,
      ]),
    ) as T;
  const headers = [...config.http_headers].map(([name, header]) => {
    const files = header.files.map((file) => resolve(folder, file));
    return [name, { ...header, files }] as const;
  });
  return {
    ...config,
    basic_auth: from(config.basic_auth),
    authorization: from(config.authorization),
    tls_config: from(config.tls_config),
    http_headers: new Map(headers),
  };
}
