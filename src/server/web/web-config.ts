import { z } from 'zod';
import { listOf, mapOf, secretSection, section, setting } from '../../config/settings/setting.ts';
import { readChoice } from '../../config/settings/value-readers.ts';
import { readGoDuration } from './go-duration.ts';
import {
  cipherSuites,
  curves,
  tls13CipherSuites,
  tlsVersions,
  type CurveName,
  type TlsVersionName,
} from './tls-names.ts';
import {
  readAccessPath,
  readBcryptHash,
  readBoolean,
  readHeaderValue,
  readPathOrNull,
  readPem,
  readSecretPath,
  readSubject,
  readUserName,
  readWholeNumber,
} from './web-config-readers.ts';

const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
  // An older name of RequireAnyClientCert, which exporter-toolkit still takes.
  'RequireClientCert',
] as const;

const readVersion = readChoice(Object.keys(tlsVersions) as TlsVersionName[]);

/**
 * The file of `--web.config.file`, in the format of Prometheus's exporter-toolkit (its docs/web-configuration.md), with
 * `authorization` and `access` added. This is the only place of the defaults.
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
    /** Taken, and without effect: HTTP/1.1 is what is spoken. */
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
    /** Between two requests; 0 is no limit. */
    interval: setting(readGoDuration, '0'),
    burst: setting(readWholeNumber, 0),
  }),
  authorization: secretSection({
    /** Each holds one bearer token; any of them is good. */
    credentials_files: listOf(readSecretPath, { allowed: 'a list of paths, as in [token]', secret: true }),
  }),
  /** Which paths need a password or token once there are any; see access.ts for the defaults. */
  access: mapOf(readChoice(['open', 'protected']), readAccessPath, { allowed: 'a map of paths to open or protected' }),
});

export type WebConfig = z.infer<typeof WebConfig>;
