import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { HttpConfig, isHeaderValue, withPathsFrom } from '../config/http-config.ts';
import { describeReadError, parseSettingsFile } from '../config/settings/settings-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { describeUnknownKeyOf } from '../config/settings/unknown-key.ts';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';
import type { HttpAccess } from './client.ts';

const versions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

/** A file named in the configuration is unusable. */
class UnusableFile extends Error {}

/**
 * Reads `--http.config.file`, which has amtool's format, and the files that it names. Every problem is one line. A relative path in it
 * starts at the file's own folder.
 */
export function loadHttpAccess(file: string): HttpAccess | { readonly problems: readonly string[] } {
  const shown = showText(file);
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    return { problems: [`--http.config.file: ${shown}: ${describeReadError(error)}`] };
  }
  const format = { schema: HttpConfig, describeUnknownKey: describeUnknownKeyOf(HttpConfig) };
  const parsed = parseSettingsFile(format, file, text);
  if ('problems' in parsed) return parsed;
  const config = withPathsFrom(dirname(file), parsed.settings);
  if (config.proxy_url !== null || config.proxy_from_environment === true)
    return { problems: [`${shown}: proxy_url, proxy_from_environment: commands ask without a proxy; remove the key`] };
  try {
    return { headers: headersOf(config), tls: tlsOf(config) };
  } catch (error) {
    if (error instanceof UnusableFile) return { problems: [`${shown}: ${error.message}`] };
    throw error;
  }
}

function headersOf(config: HttpConfig): HttpAccess['headers'] {
  const authorization = authorizationOf(config);
  const others = [...config.http_headers].map(([name, { values, secrets, files }]) => {
    const read = files.map((file) => credential(`http_headers.${name}.files`, file)!);
    return [name, [...values, ...secrets.map((secret) => secret.reveal()), ...read]] as const;
  });
  return { ...Object.fromEntries(others), ...(authorization !== undefined && { Authorization: authorization }) };
}

function authorizationOf({ basic_auth: basic, authorization: other }: HttpConfig): string | undefined {
  const username = basic.username ?? credential('basic_auth.username_file', basic.username_file);
  const password = basic.password?.reveal() ?? credential('basic_auth.password_file', basic.password_file);
  if (username !== undefined || password !== undefined)
    return `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`;
  const key = 'authorization.credentials_file';
  const credentials = other.credentials?.reveal() ?? credential(key, other.credentials_file);
  if (credentials === undefined) return undefined;
  if (isHeaderValue(credentials)) return `${other.type} ${credentials}`;
  throw new UnusableFile('authorization.credentials: holds a line end or a character that no header may have');
}

function tlsOf({ tls_config: config }: HttpConfig): HttpAccess['tls'] {
  const parts = {
    ca: config.ca ?? content('tls_config.ca_file', config.ca_file),
    cert: config.cert ?? content('tls_config.cert_file', config.cert_file),
    key: config.key?.reveal() ?? content('tls_config.key_file', config.key_file),
  };
  const given = Object.fromEntries(Object.entries(parts).filter(([, text]) => text !== undefined));
  const bounds = { minVersion: versions[config.min_version], maxVersion: versions[config.max_version] };
  try {
    // As a list of authorities, a text without a certificate would be ignored silently.
    if (parts.ca !== undefined) void new X509Certificate(parts.ca);
    createSecureContext({ ...given, ...bounds });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy = 'are ca, cert and key in PEM format, and does the key belong to the certificate?';
    throw new UnusableFile(`tls_config: cannot be used (${code ?? message}): ${remedy}`, { cause: error });
  }
  return {
    ...given,
    ...bounds,
    rejectUnauthorized: !config.insecure_skip_verify,
    ...(config.server_name !== null && { servername: config.server_name }),
  };
}

/** Blanks and line ends around a credential do not belong to it. */
function credential(key: string, file: string | null): string | undefined {
  return content(key, file)?.trim();
}

function content(key: string, file: string | null): string | undefined {
  if (file === null) return undefined;
  try {
    return readText(file);
  } catch (error) {
    throw new UnusableFile(`${key}: ${showText(file)}: ${describeReadError(error, 'the folder of the file')}`);
  }
}

function readText(file: string): string {
  return readRegularFileSync(file, configurationFileBytes).toString('utf8');
}
