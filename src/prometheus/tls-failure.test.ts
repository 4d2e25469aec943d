import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tlsFailure } from './tls-failure.ts';

describe('tlsFailure', () => {
  for (const [code, remedy] of [
    ['CERT_HAS_EXPIRED', /expired: have it renewed/],
    ['CERT_NOT_YET_VALID', /not valid yet: is the clock/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /another host name.*set server_name/],
    ['HOSTNAME_MISMATCH', /another host name/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /set ca_file/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /set ca_file/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /set ca_file/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /set ca_file/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /wants a client certificate/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /wants a client certificate/],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', /does not accept the client certificate/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /does not accept the client certificate/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /min_version/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /is it http, not https/],
    ['EPROTO', /does it speak https there/],
  ] as const) {
    it(`says what to do about ${code}`, () => {
      const sentence = tlsFailure('https://h', code);
      assert.ok(sentence.startsWith(`Prometheus at https://h cannot be reached over TLS (${code}): `));
      assert.match(sentence, remedy);
    });
  }
});
