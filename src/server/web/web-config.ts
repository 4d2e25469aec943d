import * as z from 'zod';
import { listOf, mapOf, secretSection, section, setting } from '../../config/settings/setting.ts';
import { orNull, readChoice } from '../../config/settings/value-readers.ts';
import { readBinding } from './tenant-bindings.ts';
import {
  readGoDuration,
  readAccessPath,
  readAudience,
  readBcryptHash,
  readBoolean,
  readHeaderValue,
  readPathOrNull,
  readPem,
  readSecretPath,
  readSubject,
  readTenantName,
  readUserName,
  readWholeNumber,
} from './web-config-readers.ts';

/** TLS's names as Go, and so exporter-toolkit, writes them, with OpenSSL's names. */

/** `crypto/tls.CipherSuites()` of Go up to TLS 1.2. */
export const cipherSuites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};

/** The suites of TLS 1.3. Go offers all of them, whatever is configured; so do we. */
export const tls13CipherSuites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const;

export const curves = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
} as const;
type CurveName = keyof typeof curves;

export const tlsVersions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
type TlsVersionName = keyof typeof tlsVersions;

const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
  // An older name of RequireAnyClientCert, which exporter-toolkit still accepts.
  'RequireClientCert',
] as const;

const readVersion = readChoice(Object.keys(tlsVersions) as TlsVersionName[]);

/**
 * The file of `--web.config.file`, in the format of Prometheus's exporter-toolkit (its docs/web-configuration.md), with
 * `authorization`, `kubernetes` and `access` added. This is the only place of the defaults.
 */
export const WebConfig = secretSection({
  tls_server_config: secretSection({
    cert: setting(readPem, null),
    key: setting(readPem, null),
    client_ca: setting(readPem, null),
    cert_file: setting(readPathOrNull, null),
    key_file: setting(readPathOrNull, null),
    client_ca_file: setting(readPathOrNull, null),
    client_auth_type: setting(readChoice(clientAuthTypes), 'NoClientCert'),
    client_allowed_sans: listOf(readSubject, { allowed: 'a list of names' }),
    min_version: setting(readVersion, 'TLS12'),
    max_version: setting(readVersion, 'TLS13'),
    cipher_suites: listOf(readChoice([...Object.keys(cipherSuites), ...tls13CipherSuites]), {
      allowed: 'a list of cipher suites',
    }),
    prefer_server_cipher_suites: setting(readBoolean, true),
    curve_preferences: listOf(readChoice(Object.keys(curves) as CurveName[]), { allowed: 'a list of curves' }),
  }),
  http_server_config: section({
    /** Accepted without effect: the server speaks HTTP/1.1. */
    http2: setting(readBoolean, true),
    headers: section({
      'Content-Security-Policy': setting(readHeaderValue(), null),
      'X-Frame-Options': setting(readHeaderValue(['deny', 'sameorigin']), null),
      'X-Content-Type-Options': setting(readHeaderValue(['nosniff']), null),
      'X-XSS-Protection': setting(readHeaderValue(), null),
      'Strict-Transport-Security': setting(readHeaderValue(), null),
    }),
  }),
  basic_auth_users: mapOf(readBcryptHash, readUserName, {
    allowed: 'a map of user names to bcrypt hashes',
    secret: true,
  }),
  rate_limit: section({
    /** The time between two requests; 0 is no limit. */
    interval: setting(readGoDuration, '0'),
    burst: setting(readWholeNumber, 0),
  }),
  authorization: secretSection({
    /** Each file has one bearer token; any of them is good. */
    credentials_files: listOf(readSecretPath, { allowed: 'a list of paths, as in [token]', secret: true }),
  }),
  kubernetes: section({
    /** True: Kubernetes judges bearer tokens, and what their senders may see and do. */
    enabled: setting(readBoolean, false),
    /** A token has to be for one of them; none: for the API server. */
    audiences: listOf(readAudience, { allowed: 'a list of audiences, as in [tocsin]' }),
  }),
  /** Who may use which tenant. Once there are tenants or admins here, whoever is in neither may nothing. */
  tenants: mapOf(readBinding, readTenantName, {
    allowed: 'a map of tenants to {users, credentials_files, sans, service_accounts}',
    secret: true,
  }),
  /** Who may use all of them, and what belongs to none, such as `/metrics`. */
  admins: setting(orNull(readBinding), null),
  /** The paths that need a password or token once there are any; see access.ts for the defaults. */
  access: mapOf(readChoice(['open', 'protected']), readAccessPath, { allowed: 'a map of paths to open or protected' }),
});

export type WebConfig = z.infer<typeof WebConfig>;
