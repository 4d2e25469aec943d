import { X509Certificate } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { isHeaderValue, type HttpConfig } from '../config/http-config.ts';
import { describeReadError } from '../config/settings/settings-file.ts';
import type { Secret } from '../config/settings/show-value.ts';
import { configurationFileBytes, readRegularFile } from '../runtime/regular-file.ts';
import { excerpt } from '../text/bounded-body.ts';
import { percentDecoded } from '../text/go/url.ts';
import { OutboundError, type ServerWords } from './fetch-failure.ts';
import { isExempt, proxyFromEnvironment, type Environment, type Proxy } from './proxy-environment.ts';

/** The TLS material, as text. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** The current content of an `http_config` and of the files that it names. */
export interface HttpAccess {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  readonly tls: TlsMaterial;
  /** The values that no message may quote, whatever a server echoes. */
  readonly secrets: readonly string[];
}

type Words = Pick<ServerWords, 'httpConfig'>;

/** Reads the files anew, since they change when a credential is rotated. Rejects with an OutboundError that names key and file. */
export async function readHttpAccess(config: HttpConfig, words: Words): Promise<HttpAccess> {
  const { credentials, authorization } = await readAuthorization(config, words);
  const { headers, values } = await readHeaders(config, words);
  return { headers, authorization, tls: await readTls(config, words), secrets: [...credentials, ...values] };
}

interface Authorization {
  readonly authorization: string | undefined;
  readonly credentials: readonly string[];
}

async function readAuthorization(
  { basic_auth: basic, authorization: other }: HttpConfig,
  words: Words,
): Promise<Authorization> {
  const username = basic.username ?? (await readLine(words, 'basic_auth.username_file', basic.username_file));
  const password = reveal(basic.password) ?? (await readLine(words, 'basic_auth.password_file', basic.password_file));
  if (username !== undefined || password !== undefined) {
    const encoded = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
    return { authorization: `Basic ${encoded}`, credentials: [encoded, password ?? ''] };
  }
  const key = 'authorization.credentials';
  const credentials = reveal(other.credentials) ?? (await readLine(words, `${key}_file`, other.credentials_file));
  if (credentials === undefined) return { authorization: undefined, credentials: [] };
  return { authorization: `${other.type} ${sendable(words, key, credentials)}`, credentials: [credentials] };
}

async function readHeaders(
  config: HttpConfig,
  words: Words,
): Promise<{ readonly headers: [string, string][]; readonly values: string[] }> {
  const headers: [string, string][] = [];
  const values: string[] = [];
  for (const [name, header] of config.http_headers) {
    for (const value of header.values) headers.push([name, value]);
    const hidden = header.secrets.map((secret) => secret.reveal());
    for (const file of header.files) hidden.push((await readLine(words, `http_headers.${name}.files`, file)) ?? '');
    for (const value of hidden) headers.push([name, sendable(words, `http_headers.${name}`, value)]);
    values.push(...hidden);
  }
  return { headers, values };
}

async function readTls({ tls_config: tls }: HttpConfig, words: Words): Promise<TlsMaterial> {
  return {
    ca: tls.ca ?? (await readText(words, 'tls_config.ca_file', tls.ca_file)),
    cert: tls.cert ?? (await readText(words, 'tls_config.cert_file', tls.cert_file)),
    key: reveal(tls.key) ?? (await readText(words, 'tls_config.key_file', tls.key_file)),
  };
}

function reveal(secret: Secret | null): string | undefined {
  return secret?.reveal();
}

/** Reads a credential as Prometheus does: blanks and line ends around it do not belong to it. */
async function readLine(words: Words, key: string, path: string | null): Promise<string | undefined> {
  return (await readText(words, key, path))?.trim();
}

async function readText(words: Words, key: string, path: string | null): Promise<string | undefined> {
  if (path === null) return undefined;
  try {
    return (await readRegularFile(path, configurationFileBytes)).toString('utf8');
  } catch (error) {
    throw new OutboundError(
      'unreadable_file',
      `${words.httpConfig}.${key}: ${path}: ${describeReadError(error, 'the folder of the configuration file')}.`,
      { cause: error },
    );
  }
}

/** Checks the value here, since an error of the header classes would show it. */
function sendable({ httpConfig }: Words, key: string, value: string): string {
  if (isHeaderValue(value)) return value;
  throw new OutboundError(
    'unreadable_file',
    `${httpConfig}.${key} cannot be sent as a header: it has a line end or a character that no header may have.`,
  );
}

/** A URL taken apart, so that its credentials are in one place only. */
export interface UrlAccess {
  /** Without credentials, which fetch refuses, without query, and without a slash at its end. */
  readonly base: string;
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  /** The values that no message may quote. */
  readonly secrets: readonly string[];
}

export function urlAccess(url: string): UrlAccess {
  const { protocol, host, pathname, username, password } = new URL(url);
  const base = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
  if (username === '' && password === '') return { base, authorization: undefined, secrets: [] };
  const decoded = percentDecoded(password);
  const credentials = Buffer.from(`${percentDecoded(username)}:${decoded}`, 'utf8').toString('base64');
  // A server may echo the password encoded, decoded, or as it is in the URL.
  return { base, authorization: `Basic ${credentials}`, secrets: [credentials, decoded, password] };
}

/**
 * Quotes the beginning of what a server said, fit for a message: a server that echoes the request reveals nothing. The longest secret
 * is masked first, since it may contain a shorter one.
 */
export function quoteWithout(secrets: readonly string[]): (text: string) => string {
  const masked = secrets.filter((secret) => secret !== '').toSorted((a, b) => b.length - a.length);
  return (text) => excerpt(masked.reduce((rest, secret) => rest.replaceAll(secret, '<secret>'), text));
}

export interface ProxyOptions {
  readonly url: string;
  readonly httpConfig: Pick<HttpConfig, 'proxy_url' | 'no_proxy' | 'proxy_from_environment'>;
  readonly environment: Environment;
  readonly words: Words;
}

/**
 * The proxy between Tocsin and a server, from its `http_config` or from the environment; undefined if there is none. Throws
 * OutboundError if the environment's value is not a proxy.
 */
export function proxyTo({ url, httpConfig, environment, words }: ProxyOptions): Proxy | undefined {
  const { proxy_url: proxyUrl, no_proxy: noProxy, proxy_from_environment: fromEnvironment } = httpConfig;
  if (proxyUrl !== null) {
    const proxy = { url: proxyUrl.reveal(), namedBy: `${words.httpConfig}.proxy_url` };
    return noProxy !== null && isExempt(url, noProxy) ? undefined : proxy;
  }
  if (fromEnvironment === false) return undefined;
  try {
    return proxyFromEnvironment(url, environment);
  } catch (error) {
    throw new OutboundError('network', (error as Error).message, { cause: error });
  }
}

const secureVersions = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const satisfies Record<string, SecureVersion>;

/** Throws OutboundError if the certificates or the key are unusable. */
export function tlsOptions({ tls_config: config }: HttpConfig, material: TlsMaterial, words: Words): object {
  const minVersion = secureVersions[config.min_version];
  const maxVersion = secureVersions[config.max_version];
  const { ca, cert, key } = material;
  try {
    if (ca !== undefined) checkCertificate(ca);
    // Loaded here, because without a server to ask nothing needs it, and it takes 1 MiB of memory.
    const { createSecureContext } = process.getBuiltinModule('node:tls');
    const secureContext = createSecureContext({ minVersion, maxVersion, ...given({ ca, cert, key }) });
    return {
      timeout: 0,
      secureContext,
      rejectUnauthorized: !config.insecure_skip_verify,
      ...given({ servername: config.server_name ?? undefined }),
    };
  } catch (error) {
    throw unusable(error, words);
  }
}

/** Throws if a text does not begin with a certificate: as a list of authorities it would be ignored silently. */
function checkCertificate(text: string): X509Certificate {
  return new X509Certificate(text);
}

/** Leaves out undefined members, which would mean something else than absence there. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function unusable(cause: unknown, { httpConfig }: Words): OutboundError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new OutboundError(
    'tls',
    `${httpConfig}.tls_config cannot be used (${code ?? message}): are ca, cert and key in PEM format, does the key belong to the certificate, and is min_version not above max_version?`,
    { cause },
  );
}
