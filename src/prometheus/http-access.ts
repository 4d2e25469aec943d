import { X509Certificate } from 'node:crypto';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import type { SecureVersion } from 'node:tls';
import { isHeaderValue, type HttpConfig } from '../config/http-config.ts';
import { describeReadError } from '../config/settings/settings-file.ts';
import type { Secret } from '../config/settings/show-value.ts';
import { configurationFileBytes, readRegularFile } from '../runtime/regular-file.ts';
import {
  byWayOf,
  isExempt,
  proxyFromEnvironment,
  type Environment,
  type Proxy,
} from '../outbound/proxy-environment.ts';
import { PrometheusError } from './prometheus-error.ts';

/** The TLS material, as text. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** The current content of `prometheus.http_config` and of the files that it names. */
export interface HttpAccess {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  readonly tls: TlsMaterial;
  /** The values that no message may quote, whatever a server echoes. */
  readonly secrets: readonly string[];
}

/** Reads the files anew, since they change when a credential is rotated. Rejects with a PrometheusError that names key and file. */
export async function readHttpAccess(config: HttpConfig): Promise<HttpAccess> {
  const { credentials, authorization } = await readAuthorization(config);
  const { headers, values } = await readHeaders(config);
  return { headers, authorization, tls: await readTls(config), secrets: [...credentials, ...values] };
}

interface Authorization {
  readonly authorization: string | undefined;
  readonly credentials: readonly string[];
}

async function readAuthorization({ basic_auth: basic, authorization: other }: HttpConfig): Promise<Authorization> {
  const username = basic.username ?? (await readLine('basic_auth.username_file', basic.username_file));
  const password = reveal(basic.password) ?? (await readLine('basic_auth.password_file', basic.password_file));
  if (username !== undefined || password !== undefined) {
    const encoded = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
    return { authorization: `Basic ${encoded}`, credentials: [encoded, password ?? ''] };
  }
  const key = 'authorization.credentials';
  const credentials = reveal(other.credentials) ?? (await readLine(`${key}_file`, other.credentials_file));
  if (credentials === undefined) return { authorization: undefined, credentials: [] };
  return { authorization: `${other.type} ${sendable(key, credentials)}`, credentials: [credentials] };
}

async function readHeaders(
  config: HttpConfig,
): Promise<{ readonly headers: [string, string][]; readonly values: string[] }> {
  const headers: [string, string][] = [];
  const values: string[] = [];
  for (const [name, header] of config.http_headers) {
    for (const value of header.values) headers.push([name, value]);
    const hidden = header.secrets.map((secret) => secret.reveal());
    for (const file of header.files) hidden.push((await readLine(`http_headers.${name}.files`, file)) ?? '');
    for (const value of hidden) headers.push([name, sendable(`http_headers.${name}`, value)]);
    values.push(...hidden);
  }
  return { headers, values };
}

async function readTls({ tls_config: tls }: HttpConfig): Promise<TlsMaterial> {
  return {
    ca: tls.ca ?? (await readText('tls_config.ca_file', tls.ca_file)),
    cert: tls.cert ?? (await readText('tls_config.cert_file', tls.cert_file)),
    key: reveal(tls.key) ?? (await readText('tls_config.key_file', tls.key_file)),
  };
}

function reveal(secret: Secret | null): string | undefined {
  return secret?.reveal();
}

/** Reads a credential as Prometheus does: blanks and line ends around it do not belong to it. */
async function readLine(key: string, path: string | null): Promise<string | undefined> {
  return (await readText(key, path))?.trim();
}

async function readText(key: string, path: string | null): Promise<string | undefined> {
  if (path === null) return undefined;
  try {
    return (await readRegularFile(path, configurationFileBytes)).toString('utf8');
  } catch (error) {
    throw new PrometheusError(
      'unreadable_file',
      `prometheus.http_config.${key}: ${path}: ${describeReadError(error, 'the folder of the configuration file')}.`,
      { cause: error },
    );
  }
}

/** Checks the value here, since an error of the header classes would show it. */
function sendable(key: string, value: string): string {
  if (isHeaderValue(value)) return value;
  throw new PrometheusError(
    'unreadable_file',
    `prometheus.http_config.${key} cannot be sent as a header: it has a line end or a character that no header may have.`,
  );
}

export interface ProxyOptions {
  readonly url: string;
  /** The one address of the host to ask. */
  readonly ip?: string | undefined;
  readonly httpConfig: Pick<HttpConfig, 'proxy_url' | 'no_proxy' | 'proxy_from_environment'>;
  readonly environment: Environment;
}

/**
 * The proxy between Tocsin and Prometheus, from `http_config` or from the environment; undefined if there is none.
 * Throws PrometheusError if the environment's value is not a proxy, or does not work with a query to one address.
 */
export function prometheusProxy({ url, ip, httpConfig, environment }: ProxyOptions): Proxy | undefined {
  const { proxy_url: proxyUrl, no_proxy: noProxy, proxy_from_environment: fromEnvironment } = httpConfig;
  if (proxyUrl !== null) {
    const proxy = { url: proxyUrl.reveal(), namedBy: 'prometheus.http_config.proxy_url' };
    return noProxy !== null && isExempt(url, noProxy) ? undefined : proxy;
  }
  if (fromEnvironment === false) return undefined;
  const proxy = chosen(url, environment);
  if (proxy === undefined || ip === undefined || chosen(withHost(url, ip), environment) === undefined)
    return ip === undefined ? proxy : undefined;
  const { hostname } = new URL(url);
  throw new PrometheusError(
    'network',
    `Prometheus at ${hostname} (${ip}) would be asked${byWayOf(proxy)}, which looks the name up itself, and so cannot ask every address of it: let NO_PROXY name ${hostname}, or set prometheus.resolve to one.`,
  );
}

function chosen(url: string, environment: Environment): Proxy | undefined {
  try {
    return proxyFromEnvironment(url, environment);
  } catch (error) {
    throw new PrometheusError('network', (error as Error).message, { cause: error });
  }
}

function withHost(url: string, ip: string): string {
  const target = new URL(url);
  target.hostname = isIPv6(ip) ? `[${ip}]` : ip;
  return target.href;
}

const secureVersions = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const satisfies Record<string, SecureVersion>;

/** Throws PrometheusError if the certificates or the key are unusable. */
export function tlsOptions({ tls_config: config }: HttpConfig, material: TlsMaterial): object {
  const minVersion = secureVersions[config.min_version];
  const maxVersion = secureVersions[config.max_version];
  const { ca, cert, key } = material;
  try {
    if (ca !== undefined) checkCertificate(ca);
    // Loaded here, because without a prometheus.url nothing needs it, and it takes 1 MiB of memory.
    const { createSecureContext } = process.getBuiltinModule('node:tls');
    const secureContext = createSecureContext({ minVersion, maxVersion, ...given({ ca, cert, key }) });
    return {
      timeout: 0,
      secureContext,
      rejectUnauthorized: !config.insecure_skip_verify,
      ...given({ servername: config.server_name ?? undefined }),
    };
  } catch (error) {
    throw unusable(error);
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

function unusable(cause: unknown): PrometheusError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new PrometheusError(
    'tls',
    `prometheus.http_config.tls_config cannot be used (${code ?? message}): are ca, cert and key in PEM format, does the key belong to the certificate, and is min_version not above max_version?`,
    { cause },
  );
}

/** Connects to one address while the Host header, SNI and the name in the certificate stay those of the URL. */
export function lookupOf(ip: string): LookupFunction {
  const family = isIP(ip);
  return (_host, { all }, found) => (all === true ? found(null, [{ address: ip, family }]) : found(null, ip, family));
}
