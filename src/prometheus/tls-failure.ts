/** What is wrong with a TLS connection, and what to do, by the code of Node or of OpenSSL. The first that fits counts. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: have it renewed there, or is the clock of this machine wrong?'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: is the clock of this machine or of that one wrong?'],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    'its certificate is for another host name: ask it by a name that is in the certificate, or set server_name in prometheus.http_config.tls_config',
  ],
  [
    /^UNABLE_TO_|SELF_SIGNED|ISSUER|^INVALID_CA$|^CERT_UNTRUSTED$/,
    'its certificate is not signed by an authority that is trusted here: set ca_file in prometheus.http_config.tls_config (NODE_EXTRA_CA_CERTS adds one for the whole process)',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    'it wants a client certificate: set cert_file and key_file in prometheus.http_config.tls_config',
  ],
  [
    /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_|UNSUPPORTED_CERTIFICATE)/,
    'it does not accept the client certificate: is cert_file in prometheus.http_config.tls_config signed by the authority that it trusts, and still valid?',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE/,
    'it speaks no version of TLS that is allowed here: see min_version and max_version in prometheus.http_config.tls_config',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    'it does not speak TLS there: is it http, not https, in prometheus.url?',
  ],
  [/./, 'does it speak https there, and is its certificate trusted?'],
];

/** One sentence: which Prometheus, what is wrong, what to do. */
export function tlsFailure(address: string, code: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(code))?.[1] ?? '';
  return `Prometheus at ${address} cannot be reached over TLS (${code}): ${remedy}`;
}
