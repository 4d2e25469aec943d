import { X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import {
  describeReadError,
  parseSettingsFile,
  type ReadFile,
  type SettingsFileResult,
} from '../../config/settings/settings-file.ts';
import { showText } from '../../config/settings/show-value.ts';
import { parseYaml } from '../../config/settings/yaml-file.ts';
import { describeUnknownKeyOf } from '../../config/settings/unknown-key.ts';
import { haveChanged, noting, type FileStates } from '../../runtime/file-watch.ts';
import { WebConfig, cipherSuites, curves, tls13CipherSuites, tlsVersions } from './web-config.ts';
import { readBindings } from './load-bindings.ts';
import { digestOf, isGuarded, type WebSettings, type ClientAuthType, type TlsSettings } from './web-settings.ts';

/** The settings, or every problem with them, a line each. */
export type LoadedWebConfig = WebConfigResult & {
  /** Every file that was read for it or should have been, in its state at that time. */
  readonly read: FileStates;
};

type WebConfigResult = { readonly settings: WebSettings } | { readonly problems: readonly string[] };

interface WebConfigRules {
  /** False if it would open the door of a guarded server: a file that is being written is empty too. */
  readonly mayBeEmpty: boolean;
}

/** The most attempts to read files that change while they are read. */
const maxAttempts = 3;

/**
 * Reads a web configuration and every file that it names, all in their state at one moment. Never throws; no problem shows a
 * secret.
 */
export function loadWebConfig(
  file: string,
  readFile: ReadFile,
  rules: WebConfigRules = { mayBeEmpty: true },
): LoadedWebConfig {
  for (let attempt = 1; ; attempt++) {
    const read = new Map<string, string>();
    const result = readWebConfig(file, noting(readFile, read), rules);
    if (!haveChanged(read)) return { ...result, read };
    if (attempt === maxAttempts) return { problems: [`${showText(file)}: ${isBeingWritten}`], read };
  }
}

const isBeingWritten = 'it or a file that it names is being written; try again once that is over';
const isUnfinished =
  'says nothing, or names a section and gives nothing in it, as a file does that is being written; write {} to let everybody in';

function readWebConfig(file: string, readFile: ReadFile, { mayBeEmpty }: WebConfigRules): WebConfigResult {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    return { problems: [`${showText(file)}: ${describeReadError(error)}`] };
  }
  const format = { schema: WebConfig, describeUnknownKey: describeUnknownKeyOf(WebConfig) };
  const parsed = parseSettingsFile<WebConfig>(format, file, text);
  if ('problems' in parsed) return parsed;
  const result = readNamedFiles(file, parsed, readFile);
  const opensDoor = !mayBeEmpty && 'settings' in result && !isGuarded(result.settings);
  return opensDoor && isBlank(text) ? { problems: [`${showText(file)}: ${isUnfinished}`] } : result;
}

/** True if it is empty, or names a section without a value: neither shows that somebody wants to let everybody in. */
function isBlank(text: string): boolean {
  const value = parseYaml(text).root?.value ?? null;
  return value === null || Object.values(value).includes(null);
}

function readNamedFiles(
  file: string,
  { settings: config, at, sets }: Exclude<SettingsFileResult<WebConfig>, { problems: unknown }>,
  readFile: ReadFile,
): WebConfigResult {
  const problems: string[] = [];
  const refuse: WebFiles['refuse'] = (path, text) => void problems.push(`${at(...path)}${text}`);
  const read: WebFiles['read'] = (path, named) => {
    try {
      return readFile(resolve(dirname(file), named));
    } catch (error) {
      refuse(path, describeReadError(error, 'the folder of this file'));
      return undefined;
    }
  };
  const named = { config, refuse, read };
  if (sets('authorization') && config.authorization.credentials_files.length === 0)
    refuse(
      ['authorization', 'credentials_files'],
      'names no file, so that nobody is asked for a token; allowed: a list of files, one token each; or remove authorization',
    );
  const bindings = readBindings({ ...named, tokensIn: (...given) => tokensIn(named, ...given) });
  const settings = {
    tls: loadTls(named),
    headers: Object.entries(config.http_server_config.headers).flatMap(givenHeader),
    rateLimit: rateLimit(named),
    users: config.basic_auth_users,
    tokenDigests: [...readTokens(named), ...bindings.tokens],
    kubernetes: kubernetes(named),
    access: config.access,
    bindings: bindings.bindings,
  };
  return problems.length > 0 ? { problems } : { settings };
}

function givenHeader([name, value]: readonly [string, string | null]): (readonly [string, string])[] {
  return value === null ? [] : [[name, value]];
}

function rateLimit({ config, refuse }: WebFiles): WebSettings['rateLimit'] {
  const { interval, burst } = config.rate_limit;
  if (interval === 0) return undefined;
  if (burst === 0) refuse(['rate_limit', 'burst'], 'found 0, allowed: from 1 up, else every request would be refused');
  return { intervalMs: interval, burst };
}

function kubernetes({ config, refuse }: WebFiles): WebSettings['kubernetes'] {
  const { enabled, audiences } = config.kubernetes;
  if (enabled) return { audiences };
  if (audiences.length > 0)
    refuse(
      ['kubernetes', 'audiences'],
      'given without enabled: true, so that nobody is asked for such a token; add it',
    );
  return undefined;
}

function readTokens(files: WebFiles): readonly Buffer[] {
  return tokensIn(files, files.config.authorization.credentials_files, ['authorization', 'credentials_files']);
}

function tokensIn({ refuse, read }: WebFiles, names: readonly string[], key: readonly string[]): readonly Buffer[] {
  return names.flatMap((file, index) => {
    const path = [...key, String(index)];
    const token = read(path, file)?.trim();
    if (token === undefined) return [];
    if (/^[\x21-\x7e]+$/.test(token)) return [digestOf(token)];
    refuse(path, 'no token in this file; allowed: one, of visible ASCII characters, without blanks in it');
    return [];
  });
}

const section = 'tls_server_config';

/** Reads and checks certificate, key and CA. Undefined if no TLS is configured, or once its problems are recorded. */
function loadTls(files: WebFiles): TlsSettings | undefined {
  const { refuse, config } = files;
  const tls = config.tls_server_config;
  // exporter-toolkit's rule for whether TLS is intended.
  const isMeant = pemNames.some((name) => tls[name] !== null || tls[`${name}_file`] !== null);
  if (!isMeant && tls.client_auth_type === 'NoClientCert') {
    if (tls.client_allowed_sans.length > 0) refuse([section], 'client_allowed_sans needs cert_file and key_file');
    return undefined;
  }
  const clientAuthType = tls.client_auth_type === 'RequireClientCert' ? 'RequireAnyClientCert' : tls.client_auth_type;
  const cert = readPem(files, 'cert', true);
  const key = readPem(files, 'key', true);
  const ca = readPem(files, 'client_ca', false);
  checkClientAuth(files, clientAuthType);
  if (tls.min_version > tls.max_version)
    refuse([section, 'min_version'], `allowed: at most max_version, ${tls.max_version}`);
  if (ca !== undefined && certificateOf(ca) === undefined)
    refuse(nameOf(files, 'client_ca'), 'holds no certificate in PEM');
  if (cert === undefined || key === undefined) return undefined;
  const context = contextOf(files, { cert, key, ...(ca === undefined ? {} : { ca }) });
  const certificate = usableCertificate(files, cert, key, context);
  if (certificate === undefined) return undefined;
  const notAfter = certificate.validToDate.getTime();
  return { context, clientAuthType, allowedSubjects: tls.client_allowed_sans, notAfter };
}

const pemNames = ['cert', 'key', 'client_ca'] as const;
type PemName = (typeof pemNames)[number];

function nameOf({ config }: WebFiles, name: PemName): readonly string[] {
  const file = `${name}_file` as const;
  return [section, config.tls_server_config[file] === null ? name : file];
}

function readPem(files: WebFiles, name: PemName, isNeeded: boolean): string | undefined {
  const file = `${name}_file` as const;
  const { [name]: inline, [file]: path } = files.config.tls_server_config;
  if (inline !== null && path !== null) files.refuse([section, name], `given beside ${file}; remove one`);
  if (path !== null) return files.read([section, file], path);
  if (inline === null && isNeeded)
    files.refuse([section], `one of ${name} or ${file} is missing: TLS needs both a certificate and its key`);
  return inline ?? undefined;
}

function checkClientAuth({ config, refuse }: WebFiles, type: ClientAuthType): void {
  const { client_ca, client_ca_file, client_allowed_sans: allowed } = config.tls_server_config;
  const hasCa = client_ca !== null || client_ca_file !== null;
  const path = [section, 'client_auth_type'];
  if (hasCa && type === 'NoClientCert')
    refuse(path, 'a client CA is given, but no client certificate asked for; allowed: RequireAndVerifyClientCert');
  if (!hasCa && (type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert'))
    refuse(path, `${type} needs client_ca_file: otherwise every public CA would do`);
  if (allowed.length > 0 && type !== 'RequireAnyClientCert' && type !== 'RequireAndVerifyClientCert')
    refuse(path, 'client_allowed_sans needs RequireAndVerifyClientCert (or RequireAnyClientCert)');
}

function contextOf({ config }: WebFiles, pem: SecureContextOptions): SecureContextOptions {
  const tls = config.tls_server_config;
  const named = tls.cipher_suites.flatMap((name) => cipherSuites[name] ?? []);
  const isOld = tls.min_version === 'TLS10' || tls.min_version === 'TLS11';
  // OpenSSL has no cipher for the old versions at its default security level.
  const ciphers = [...tls13CipherSuites, ...named, ...(isOld ? ['@SECLEVEL=0'] : [])].join(':');
  const isOnly13 = tls.min_version === 'TLS13';
  return {
    ...pem,
    minVersion: tlsVersions[tls.min_version],
    maxVersion: tlsVersions[tls.max_version],
    honorCipherOrder: tls.prefer_server_cipher_suites,
    ...(tls.cipher_suites.length === 0 && !isOld
      ? {}
      : { ciphers: named.length === 0 && !isOnly13 ? `${ciphers}:DEFAULT` : ciphers }),
    ...(tls.curve_preferences.length === 0
      ? {}
      : { ecdhCurve: tls.curve_preferences.map((name) => curves[name]).join(':') }),
  };
}

/** OpenSSL's error text contains nothing of the key. */
/** Undefined once its problems are noted. */
function usableCertificate(
  files: WebFiles,
  cert: string,
  key: string,
  context: SecureContextOptions,
): X509Certificate | undefined {
  const certificate = certificateOf(cert);
  const isKeyBlank = key.trim() === '';
  // OpenSSL takes an empty file for none at all, and nobody could connect then.
  if (certificate === undefined) files.refuse(nameOf(files, 'cert'), 'holds no certificate in PEM');
  if (isKeyBlank) files.refuse(nameOf(files, 'key'), 'is empty; allowed: a key in PEM, without a password');
  if (certificate === undefined || isKeyBlank) return undefined;
  const problem = contextProblem(context);
  if (problem !== undefined) files.refuse(nameOf(files, 'cert'), problem);
  return certificate;
}

function contextProblem(context: SecureContextOptions): string | undefined {
  try {
    createSecureContext(context);
    return undefined;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'the certificate does not belong to the key';
    return `certificate and key cannot be used: ${message}; both have to be PEM, the key without a password`;
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The means for reading the files that a web configuration names. */
interface WebFiles {
  readonly config: WebConfig;
  /** Records a problem with the value at this path. */
  readonly refuse: (path: readonly string[], text: string) => void;
  /** The text of a file, or undefined once the problem is recorded. A relative path starts at the configuration's folder. */
  readonly read: (path: readonly string[], file: string) => string | undefined;
}
