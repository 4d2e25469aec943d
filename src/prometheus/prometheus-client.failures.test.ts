import assert from 'node:assert/strict';
import type { AddressInfo, Socket } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { startRawServer, type RawServer } from './raw-server.fixture.ts';
import { watchedFetch } from './watched-fetch.fixture.ts';
import { HttpConfig } from '../config/http-config.ts';
import { createPrometheusClient, type PrometheusClientOptions } from './prometheus-client.ts';
import { PrometheusError, prometheusErrorKinds, type PrometheusErrorKind } from './prometheus-error.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const maxResponseBytes = 64 * 1024;
const seenKinds = new Set<PrometheusErrorKind>();
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(answer: (socket: Socket, head: string) => void): Promise<RawServer> {
  const server = await startRawServer(answer);
  closers.push(server.close);
  return server;
}

function query(url: string, options: Partial<PrometheusClientOptions> = {}): Promise<unknown> {
  const base = {
    url,
    timeoutMs: 10_000,
    maxResponseBytes,
    maxFiringBytes: 1 << 20,
    version: '1.2.3',
    httpConfig: HttpConfig.parse({}),
    clock: new FakeClock(),
    schedule: new SliceSchedule(new FakeClock()),
  };
  return createPrometheusClient({ ...base, ...options }).query(new AbortController().signal);
}

async function failureOf(asked: Promise<unknown>): Promise<PrometheusError> {
  const error = await asked.then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PrometheusError, inspect(error));
  seenKinds.add(error.kind);
  return error;
}

const head = (status: string, ...lines: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n');
const whole = (status: string, type: string, body: string): string =>
  head(status, `Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`) + body;
const json = 'application/json';

describe('a query that fails', { timeout: 120_000 }, () => {
  const answers: readonly (readonly [
    what: string,
    kind: PrometheusErrorKind,
    answer: string | Buffer,
    said: RegExp,
  ])[] = [
    ['an early close', 'reset', '', /closed the connection without an answer/],
    ['a close within the headers', 'reset', 'HTTP/1.1 200 OK\r\nContent-Le', /closed the connection without an answer/],
    ['a body shorter than it says', 'truncated', head('200 OK', 'Content-Length: 99') + '{"status"', /in the middle/],
    [
      'a chunked body cut off',
      'truncated',
      head('200 OK', 'Transfer-Encoding: chunked') + '9\r\n{"status"\r\n',
      /in the middle/,
    ],
    ['401', 'unauthorized', whole('401 Unauthorized', 'text/plain', 'Unauthorized'), /wants credentials/],
    ['403', 'unauthorized', whole('403 Forbidden', 'text/plain', 'no'), /403/],
    ['404', 'not_found', whole('404 Not Found', 'text/plain', '404 page not found'), /path prefix/],
    ['503', 'http_error', whole('503 Service Unavailable', 'text/plain', 'starting up'), /503 "starting up"/],
    ['400', 'http_error', whole('400 Bad Request', json, '{"status":"error","error":"nope"}'), /400 "nope"/],
    ['503 and a body cut off', 'http_error', head('503 X', 'Content-Length: 99') + 'st', /answered 503/],
    ['a page', 'not_json', whole('200 OK', 'text/html', '<html>Sign in</html>'), /text\/html .*<html>Sign in/],
    ['broken JSON', 'bad_json', whole('200 OK', json, '{"status":"succ'), /does not parse/],
    ['an empty body', 'bad_json', whole('200 OK', json, ''), /does not parse/],
    [
      'status error',
      'error_status',
      whole('200 OK', json, '{"status":"error","errorType":"t","error":"e"}'),
      /\(t: e\)/,
    ],
    [
      'a part of the alerts',
      'partial',
      whole('200 OK', json, '{"status":"success","warnings":["w"],"data":{"alerts":[]}}'),
      /1 warning, the first "w"/,
    ],
    ['another API', 'bad_shape', whole('200 OK', json, '[]'), /not an object/],
    [
      'a body over the limit',
      'too_large',
      whole('200 OK', json, ' '.repeat(maxResponseBytes + 1)),
      /max_response_size/,
    ],
    ['a gzip bomb', 'too_large', gzipped(gzipSync(Buffer.alloc(32 << 20, ' '))), /larger than 65536 bytes/],
    ['broken gzip', 'network', gzipped(Buffer.from('not gzip at all')), /incorrect header check/],
    ['another protocol', 'network', 'SSH-2.0-OpenSSH_9.2\r\n', /HTTP\/1.1 protocol/],
  ];
  for (const [what, kind, answer, said] of answers) {
    it(`takes ${what} as ${kind}, and lets go of the connection`, async () => {
      const server = await serve((socket) => socket.end(answer));
      const failure = await failureOf(query(server.url));
      assert.equal(failure.kind, kind, failure.message);
      assert.match(failure.message, said);
      assert.ok(failure.message.includes(server.url) && !/[\r\n]/.test(failure.message), failure.message);
      await server.disconnected();
    });
  }

  it('does not follow a redirect, not even to itself', async () => {
    const server = await serve((socket) =>
      socket.write(
        head('302 Found', `Location: http://ann:s3cret@127.0.0.1:${server.port}/api/v1/alerts`, 'Content-Length: 0'),
      ),
    );
    const failure = await failureOf(query(server.url));
    assert.equal(failure.kind, 'redirect');
    assert.ok(failure.message.includes(`redirects to ${server.url}/api/v1/alerts (302)`), failure.message);
    assert.doesNotMatch(inspect(failure), /s3cret/);
    assert.equal(server.heads.length, 1);
  });

  it('takes a refused connection as refused', async () => {
    const server = await startRawServer(() => undefined);
    await server.close();
    const { kind, message } = await failureOf(query(server.url));
    assert.equal(kind, 'refused');
    assert.equal(
      message,
      `Prometheus at ${server.url} refused the connection (ECONNREFUSED): is it running, and is prometheus.url right?`,
    );
  });

  it('takes a name that does not resolve as dns', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND prometheus.invalid'), { code: 'ENOTFOUND' });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause: error }));
    assert.equal((await failureOf(query('http://prometheus.invalid:9090', { fetch }))).kind, 'dns');
  });

  it('takes a reset connection as reset', async () => {
    const server = await serve((socket) => socket.resetAndDestroy());
    assert.equal((await failureOf(query(server.url))).kind, 'reset');
  });

  it('takes a reset in the middle of the body as truncated', async () => {
    const server = await serve((socket) => socket.write(head('200 OK', 'Content-Length: 99') + '{'));
    const { fetch, headers } = watchedFetch();
    const asked = failureOf(query(server.url, { fetch }));
    await headers;
    (await server.requested()).resetAndDestroy();
    assert.equal((await asked).kind, 'truncated');
  });

  it('takes a plain port behind an https URL as tls', async () => {
    const server = await serve((socket) => socket.end(head('400 Bad Request', 'Content-Length: 0')));
    const { kind, message } = await failureOf(query(`https://127.0.0.1:${server.port}`));
    assert.equal(kind, 'tls');
    assert.match(message, /\(ERR_SSL_WRONG_VERSION_NUMBER\)/);
  });

  it('takes a failed TLS handshake as tls', async () => {
    const server = createTlsServer({}).listen(0, '127.0.0.1');
    closers.push(() => new Promise((resolve) => void server.close(() => resolve())));
    server.on('tlsClientError', () => undefined);
    await once(server, 'listening');
    const failure = await failureOf(query(`https://127.0.0.1:${(server.address() as AddressInfo).port}`));
    assert.equal(failure.kind, 'tls');
  });

  it('takes a file of http_config that is not there as unreadable_file', async () => {
    const httpConfig = HttpConfig.parse({ authorization: { credentials_file: '/nowhere/token' } });
    const { kind, message } = await failureOf(query('http://h', { httpConfig }));
    assert.equal(kind, 'unreadable_file');
    assert.match(
      message,
      /http_config\.authorization\.credentials_file: \/nowhere\/token: no such file; check the path/,
    );
  });

  it('stops an endless body at the limit', async () => {
    const piece = Buffer.alloc(16 * 1024, ' ');
    const server = await serve((socket) => {
      const write = (): void => void socket.write(piece, (error) => error ?? write());
      socket.write(head('200 OK', `Content-Type: ${json}`));
      write();
    });
    assert.equal((await failureOf(query(server.url))).kind, 'too_large');
    await server.disconnected();
  });

  it('shows no credentials, even if the server echoes them', async () => {
    const server = await serve((socket, request) =>
      socket.end(whole('400 Bad Request', 'text/plain', `no "ann" with "s3cret": ${request}`)),
    );
    const failure = await failureOf(query(server.url.replace('//', '//ann:s3cret@')));
    assert.match(server.heads[0]!, /authorization: Basic YW5uOnMzY3JldA==/i);
    assert.doesNotMatch(inspect(failure), /s3cret|YW5u/);
  });

  it('shows no secret of http_config, even if the server echoes it', async () => {
    const server = await serve((socket, request) => socket.end(whole('400 Bad Request', 'text/plain', request)));
    const http_headers = { 'X-Scope-OrgID': { secrets: ['tenant-s3cret'] } };
    for (const config of [
      { authorization: { credentials: 'tok3n' } },
      { basic_auth: { username: 'a', password: 'tok3n' } },
    ]) {
      const httpConfig = HttpConfig.parse({ ...config, http_headers });
      const failure = await failureOf(query(server.url, { httpConfig }));
      assert.match(server.heads.at(-1)!, /authorization: (?:Bearer tok3n|Basic YTp0b2szbg==)\r\n/i);
      assert.match(server.heads.at(-1)!, /x-scope-orgid: tenant-s3cret\r\n/i);
      assert.match(failure.message, /<secret>/);
      assert.doesNotMatch(inspect({ failure, httpConfig }, { depth: 9 }), /s3cret|tok3n|YTp0b2szbg/);
    }
  });

  after(() => {
    const missing = prometheusErrorKinds.filter((kind) => !seenKinds.has(kind));
    // The timeout has its own test file.
    assert.deepEqual(missing, ['timeout'], 'a kind has no test');
  });
});

function gzipped(body: Buffer): Buffer {
  const lines = [`Content-Type: ${json}`, 'Content-Encoding: gzip', `Content-Length: ${body.byteLength}`];
  return Buffer.concat([Buffer.from(head('200 OK', ...lines)), body]);
}
