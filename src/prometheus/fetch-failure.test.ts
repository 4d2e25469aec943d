import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fetchFailure, type FetchPhase } from './fetch-failure.ts';

const address = 'http://prometheus:9090';

function coded(code: string, message = 'low level'): Error {
  return Object.assign(new Error(message), { code });
}

function fetchFailed(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause });
}

describe('fetchFailure', () => {
  const rows: readonly (readonly [code: string, phase: FetchPhase, kind: string])[] = [
    ['ECONNREFUSED', 'connect', 'refused'],
    ['ENOTFOUND', 'connect', 'dns'],
    ['EAI_AGAIN', 'connect', 'dns'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'connect', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'connect', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'connect', 'tls'],
    ['CERT_HAS_EXPIRED', 'connect', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'connect', 'tls'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect', 'timeout'],
    ['ETIMEDOUT', 'connect', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'body', 'timeout'],
    ['ECONNRESET', 'connect', 'reset'],
    ['UND_ERR_SOCKET', 'connect', 'reset'],
    ['ECONNRESET', 'body', 'truncated'],
    ['UND_ERR_SOCKET', 'body', 'truncated'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'body', 'truncated'],
    ['EHOSTUNREACH', 'connect', 'network'],
    ['Z_DATA_ERROR', 'body', 'network'],
  ];
  for (const [code, phase, kind] of rows) {
    it(`takes ${code} during ${phase} as ${kind}`, () => {
      const cause = fetchFailed(coded(code));
      const failure = fetchFailure(cause, phase, address);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, /Prometheus at http:\/\/prometheus:9090 /);
      assert.equal(failure.cause, cause);
    });
  }

  it('says how to mend a refused connection', () => {
    assert.equal(
      fetchFailure(fetchFailed(coded('ECONNREFUSED')), 'connect', address).message,
      'Prometheus at http://prometheus:9090 refused the connection (ECONNREFUSED): is it running, and is prometheus.url right?',
    );
  });

  it('points to the proxy where there is one', () => {
    const proxied = `${address} by way of the proxy http://proxy:3128 (HTTP_PROXY)`;
    const { message } = fetchFailure(fetchFailed(new Error('Proxy response (403)')), 'connect', proxied);
    assert.match(message, /HTTP_PROXY\) failed \(Proxy response \(403\)\): check that proxy .*NO_PROXY/);
  });

  it('finds the code in the errors of a host with several addresses', () => {
    const both = new AggregateError([coded('EHOSTUNREACH'), coded('ECONNREFUSED')]);
    assert.equal(fetchFailure(fetchFailed(both), 'connect', address).kind, 'refused');
  });

  it('quotes the innermost message where nothing better is known', () => {
    const { message } = fetchFailure(fetchFailed(new Error('bad\nport')), 'connect', address);
    assert.match(message, /failed \(bad port\): check/);
  });

  it('bears anything that can be thrown', () => {
    const circle = new Error('round');
    circle.cause = circle;
    for (const thrown of [circle, undefined, 'text', null, new AggregateError([]), new Error('')]) {
      assert.equal(fetchFailure(thrown, 'connect', address).kind, 'network');
    }
  });
});
