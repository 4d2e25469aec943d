import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tlsFailure, type FetchPhase } from '../outbound/fetch-failure.ts';
import { fetchFailure, prometheusWords, statusFailure } from './prometheus-error.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';

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
      const sentence = tlsFailure('https://h', code, prometheusWords);
      assert.ok(sentence.startsWith(`Prometheus at https://h cannot be reached over TLS (${code}): `));
      assert.match(sentence, remedy);
    });
  }
});

const endpoint = prometheusEndpoint('http://h/prom');

function redirect(location: string | undefined, status = 302): Response {
  return new Response(null, { status, headers: location === undefined ? {} : { location } });
}

describe('statusFailure', () => {
  const locations = [
    ['another host', 'https://other:9090/api/v1/alerts', 'to https://other:9090/api/v1/alerts (302)'],
    ['credentials and a query', 'https://ann:s3cret@other/login?token=x#y', 'to https://other/login (302)'],
    ['a path', '/login', 'to http://h/login (302)'],
    ['no URL', 'http://[', 'to an address that is no URL (302)'],
    ['nothing', undefined, 'without saying where to (302)'],
  ] as const;
  for (const [what, location, expected] of locations) {
    it(`names where a redirect goes that gives ${what}`, async () => {
      const failure = await statusFailure(redirect(location), endpoint);
      assert.equal(failure.kind, 'redirect');
      assert.ok(failure.message.includes(`Prometheus at http://h/prom redirects ${expected}`), failure.message);
      assert.doesNotMatch(failure.message, /s3cret|token/);
    });
  }

  it('tells missing credentials from wrong ones', async () => {
    const bare = await statusFailure(new Response('Unauthorized', { status: 401 }), endpoint);
    assert.match(bare.message, /answered 401 "Unauthorized": it wants credentials: set basic_auth/);
    const wrong = await statusFailure(new Response('', { status: 401 }), prometheusEndpoint('http://ann:s3cret@h'));
    assert.match(wrong.message, /answered 401 without a reason: it does not accept the credentials/);
    assert.deepEqual([bare.kind, wrong.kind], ['unauthorized', 'unauthorized']);
  });

  it('quotes a refusal, and blames no credentials for it', async () => {
    const refusal = (): Response => new Response('RBAC: access denied for s3cret', { status: 403 });
    const bare = await statusFailure(refusal(), endpoint);
    assert.match(
      bare.message,
      /answered 403 "RBAC: access denied for s3cret": it refuses requests without credentials: allow them/,
    );
    const known = await statusFailure(refusal(), prometheusEndpoint('http://ann:s3cret@h'));
    assert.match(
      known.message,
      /answered 403 "RBAC: access denied for <secret>": it refuses requests with the credentials/,
    );
    assert.deepEqual([bare.kind, known.kind], ['unauthorized', 'unauthorized']);
  });

  it('takes 404 as a wrong path', async () => {
    const failure = await statusFailure(new Response('404 page not found', { status: 404 }), endpoint);
    assert.equal(failure.kind, 'not_found');
    assert.match(failure.message, /it answered 404 "404 page not found": is a path prefix/);
  });

  const texts = [
    [
      'the error of the envelope',
      400,
      '{"status":"error","errorType":"bad_data","error":"no\\u001b such"}',
      '400 "no such"',
    ],
    ['plain text', 503, 'Service Unavailable\n', '503 "Service Unavailable"'],
    ['JSON that is no envelope', 502, '{"error":7}', '502 "{"error":7}"'],
    ['null', 500, 'null', '500 "null"'],
    ['nothing', 500, '', '500 without a reason'],
    ['a long page', 502, `<html>${'x'.repeat(70_000)}`, `502 "<html>${'x'.repeat(193)}…"`],
  ] as const;
  for (const [what, status, body, expected] of texts) {
    it(`quotes ${what}`, async () => {
      const failure = await statusFailure(new Response(body, { status }), endpoint);
      assert.equal(failure.kind, 'http_error');
      assert.ok(failure.message.startsWith(`Prometheus at http://h/prom answered ${expected}: `), failure.message);
    });
  }

  it('keeps the status when the body cannot be read', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut off')) });
    const failure = await statusFailure(new Response(body, { status: 503 }), endpoint);
    assert.match(failure.message, /answered 503 without a reason/);
  });

  it('takes an unexpected success as an error too', async () => {
    assert.equal((await statusFailure(new Response(null, { status: 204 }), endpoint)).kind, 'http_error');
  });
});
