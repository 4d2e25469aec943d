import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { loadWebConfig } from './web/load-web-config.ts';
import { refuse } from './request/answer.ts';
import { rawConnection, requestHead } from './raw-connection.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { testDoor } from './kubernetes-door.fixture.ts';
import { testConnections } from './connections.fixture.ts';
import { routesTo } from './routes.fixture.ts';
import { GuardedServer } from './guarded-server.ts';

const headers = `
http_server_config:
  headers:
    Content-Security-Policy: default-src 'none'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: '0'
    Strict-Transport-Security: max-age=31536000
`;
const lock = `basic_auth_users: {ann: $2y$10$${'a'.repeat(53)}}\n`;
const rateLimit = 'rate_limit: {interval: 1h, burst: 1}\n';

/** A server that sends those headers. Its routes have a defect, except `/later`, which never answers. */
async function start(test: TestContext, more = '') {
  const clock = new FakeClock();
  const { registry, metrics } = testHttpMetrics();
  const logger = new RecordingLogger();
  const { receiver } = Config.parse({});
  const readFile = (): string => headers + more;
  const loaded = loadWebConfig('/nowhere/web.yml', readFile);
  assert.ok('settings' in loaded);
  const server = new GuardedServer({
    registry,
    metrics,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    routes: routesTo(({ url }, response) => void (url === '/later' || refuse(response, new Error('a defect')))),
    web: { routePrefix: '/am', configSource: { file: '/nowhere/web.yml', ...loaded, readFile, load: loadWebConfig } },
    kubernetes: testDoor(),
    connections: testConnections({ clock, logger, metrics }),
    maxHeaders: receiver.max_headers,
    maxHeaderBytes: 2048,
    headerTimeoutMs: 100,
    requestTimeoutMs: 100,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
    tlsHandshakeTimeoutMs: receiver.tls_handshake_timeout,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const close = (): Promise<void> => server.close(1000);
  test.after(async () => {
    const closed = close();
    clock.advance(1000);
    await closed;
  });
  return { port, close };
}

function hasHeaders(answer: string): void {
  const head = answer.slice(0, answer.indexOf('\r\n\r\n') + 2);
  for (const header of [
    "Content-Security-Policy: default-src 'none'",
    'X-Frame-Options: deny',
    'X-Content-Type-Options: nosniff',
    'X-XSS-Protection: 0',
    'Strict-Transport-Security: max-age=31536000',
  ])
    assert.equal(head.split(`\r\n${header}\r\n`).length, 2, `${header} once in ${head}`);
}

const chunked = requestHead('POST', '/am/later', 'Transfer-Encoding: chunked');
/** Every possible answer, with the bytes that cause it. */
const answers: readonly (readonly [status: string, what: string, sent: string, more?: string])[] = [
  ['400', 'what is no HTTP', 'nonsense\r\n\r\n'],
  ['400', 'a request without Host', 'GET /am/x HTTP/1.1\r\n\r\n'],
  ['400', 'a request with two hosts', requestHead('GET', '/am/x', 'HOST: localhost')],
  ['400', 'chunks in HTTP/1.0', chunked.replace('HTTP/1.1', 'HTTP/1.0')],
  ['405', 'a request for a tunnel', requestHead('CONNECT', 'localhost:80')],
  ['501', 'an encoding that nobody undoes', chunked.replace('chunked', 'gzip, chunked')],
  ['505', 'HTTP/2 without its preface', requestHead('GET', '/am/x').replace('HTTP/1.1', 'HTTP/2.0')],
  ['505', 'HTTP/0.9 with a version', requestHead('GET', '/am/x').replace('HTTP/1.1', 'HTTP/0.9')],
  ['417', 'an expectation that nobody knows', requestHead('GET', '/am/x', 'Expect: wonders')],
  ['431', 'a head that is too large', requestHead('GET', '/am/x', `X: ${'x'.repeat(2100)}`)],
  ['431', 'too many headers', requestHead('GET', '/am/x', ...Array.from({ length: 500 }, () => 'X:'))],
  ['413', 'extensions of a chunk that are too large', `${chunked}1;${'x'.repeat(20_000)}\r\n1\r\n`],
  ['408', 'a head that is too slow', 'GET / HTTP/1.1\r\n'],
  ['408', 'a body that is too slow', `${requestHead('POST', '/am/later', 'Content-Length: 9')}x`],
  ['302', 'the root outside of the prefix', requestHead('GET', '/')],
  ['301', 'the prefix alone', requestHead('GET', '/am')],
  ['404', 'a path outside of the prefix', requestHead('GET', '/x')],
  ['403', 'a host that is not served', requestHead('GET', '/am/x').replace('localhost', 'evil.example')],
  ['403', 'a page of another site', requestHead('DELETE', '/am/x', 'Sec-Fetch-Site: cross-site')],
  ['405', 'a method outside of the prefix', requestHead('POST', '/', 'Content-Length: 0')],
  ['500', 'a defect', requestHead('GET', '/am/x')],
  ['401', 'no password', requestHead('GET', '/am/x'), lock],
  ['401', 'no password, and a body that is too long', requestHead('POST', '/am/x', 'Content-Length: 999999'), lock],
];

describe('the configured headers', () => {
  for (const [status, what, sent, more] of answers) {
    it(`are in the answer ${status} to ${what}`, async (test) => {
      const { port } = await start(test, more);
      const connection = await rawConnection(test, port);
      connection.send(sent);
      const answer = await connection.received(/\r\n\r\n/);
      assert.equal(answer.slice(0, 12), `HTTP/1.1 ${status}`);
      hasHeaders(answer);
    });
  }

  it('are in the answer 429 to a request over the rate limit', async (test) => {
    const { port } = await start(test, rateLimit);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/am/x'));
    await connection.received(/500 [^]*\r\n\r\n/);
    connection.send(requestHead('GET', '/am/x'));
    const answer = await connection.received(/429 [^]*\r\n\r\n/);
    hasHeaders(answer.slice(answer.indexOf('HTTP/1.1 429')));
  });

  it('are in the answer 503 to a request that arrives during the shutdown', async (test) => {
    const { port, close } = await start(test);
    const connection = await rawConnection(test, port);
    // Its head is incomplete, so it is not idle. The server has seen it once it has answered another request.
    connection.send('GET /');
    const other = await rawConnection(test, port);
    other.send(requestHead('GET', '/am/x'));
    await other.received(/500 /);
    void close();
    connection.send('am/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await connection.received(/\r\n\r\n/);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    hasHeaders(answer);
  });
});
