import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { Server } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Config } from '../config/config.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { rawConnection, requestHead } from './raw-connection.fixture.ts';
import { digestOf } from './web/web-settings.ts';
import { PasswordCheck } from './web/password-check.ts';
import { Gate } from './web/gate.ts';
import { GateReport, createWebMetrics } from './web/gate-report.ts';
import { Routes } from './routes.ts';
import { routesTo } from './routes.fixture.ts';
import { ReceiverServer, type ReceiverServerOptions } from './http-server.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { testDoor } from './kubernetes-door.fixture.ts';
import { testConnections } from './connections.fixture.ts';

const openToAll = {
  tls: undefined,
  headers: [],
  rateLimit: undefined,
  users: new Map<string, string>(),
  tokenDigests: [],
  access: new Map<string, never>(),
};
const { receiver: defaults } = Config.parse({});

/** A server whose routes answer `OK` at once; the test answers `/later`. */
async function startServer(test: TestContext, options: Partial<ReceiverServerOptions> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testHttpMetrics();
  const open: ServerResponse[] = [];
  const routes = routesTo((request, response) => {
    if (request.url === '/later') open.push(response);
    else response.end('OK');
  });
  const server = new ReceiverServer({
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    metrics,
    routes,
    routePrefix: '',
    webMetrics: createWebMetrics(registry),
    tlsHandshakeTimeoutMs: defaults.tls_handshake_timeout,
    connections: testConnections({ clock, logger, metrics }),
    maxHeaderBytes: defaults.max_header_size,
    maxHeaders: defaults.max_headers,
    headerTimeoutMs: defaults.header_timeout,
    requestTimeoutMs: defaults.request_timeout,
    idleTimeoutMs: defaults.idle_timeout,
    maxConnections: defaults.max_connections,
    ...options,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  test.after(async () => {
    const closed = server.close(1);
    clock.advance(1);
    await closed;
  });
  const reached = (limit: string): Promise<number | undefined> =>
    metric(registry, `tocsin_limit_reached_total{limit="${limit}"}`);
  return { server, port, clock, logger, registry, open, reached };
}

/** Opens to the bearer token `token`. */
function lockedGate(clock: FakeClock): Gate {
  const { registry, metrics } = testHttpMetrics();
  const report = new GateReport({
    clock,
    logger: new RecordingLogger(),
    metrics,
    webMetrics: createWebMetrics(registry),
  });
  return new Gate({
    clock,
    settings: () => ({ ...openToAll, tokenDigests: [digestOf('token')], kubernetes: undefined }),
    passwords: new PasswordCheck(
      {
        matches: () => assert.fail('no password is needed'),
        close: () => Promise.resolve(),
      },
      clock,
    ),
    report,
    kubernetes: testDoor(),
    routes: routesTo(() => undefined),
    answersPreflights: false,
  });
}

describe('ReceiverServer', () => {
  it('answers 431 to a head over the limit, and counts it', async (test) => {
    const { port, reached, logger } = await startServer(test, { maxHeaderBytes: 2048 });
    const small = await rawConnection(test, port);
    small.send(requestHead('GET', '/', `X: ${'x'.repeat(1500)}`));
    await small.received(/^HTTP\/1\.1 200 /);
    const large = await rawConnection(test, port);
    large.send(requestHead('GET', '/', `X: ${'x'.repeat(2100)}`));
    assert.match(await large.closed, /^HTTP\/1\.1 431 /);
    assert.equal(await reached('max_header_size'), 1);
    assert.deepEqual(logger.valuesOf('request.broken', 'reason'), [['HPE_HEADER_OVERFLOW']]);
  });

  it('answers 431 to more headers than the limit, even on a used connection, and counts them separately', async (test) => {
    const { port, reached, logger } = await startServer(test, { maxHeaders: 20 });
    const headers = (count: number): string[] => Array.from({ length: count }, (_, index) => `h${index}: v`);
    // `Host` is one of them.
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/', ...headers(19)));
    await connection.received(/^HTTP\/1\.1 200 /);
    connection.send(requestHead('GET', '/', ...headers(20)));
    assert.match(
      await connection.closed,
      /HTTP\/1\.1 431 [^]*more than receiver\.max_headers \(20\) headers: send fewer/,
    );
    const many = await rawConnection(test, port);
    const head = requestHead('POST', '/', ...headers(500), 'Content-Length: 20000');
    many.send(head + 'x'.repeat(20_000));
    assert.match(await many.closed, /^HTTP\/1\.1 431 [^]*max_headers/);
    assert.deepEqual([await reached('max_headers'), await reached('max_header_size')], [2, 0]);
    assert.deepEqual(logger.valuesOf('request.broken', 'reason'), [['TOO_MANY_HEADERS']]);
  });

  it('answers 400 to bytes that are not HTTP', async (test) => {
    const { port } = await startServer(test);
    const connection = await rawConnection(test, port);
    connection.send('nonsense\r\n\r\n');
    assert.match(await connection.closed, /^HTTP\/1\.1 400 /);
  });

  it('asks for a body that waits for 100 Continue, but only after the gate has let its request in', async (test) => {
    const clock = new FakeClock();
    const { port } = await startServer(test, { clock, gate: lockedGate(clock) });
    const expecting = ['Content-Length: 5', 'Expect: 100-continue'];
    const inside = await rawConnection(test, port);
    inside.send(requestHead('POST', '/', ...expecting, 'Authorization: Bearer token'));
    await inside.received(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    inside.send('12345');
    await inside.received(/HTTP\/1\.1 200 /);
    const outside = await rawConnection(test, port);
    outside.send(requestHead('POST', '/', ...expecting));
    await outside.received(/^HTTP\/1\.1 401 [^]*Connection: close[^]*configuration of Tocsin\n$/);
    clock.advance(1000);
    assert.doesNotMatch(await outside.closed, /100 Continue/);
  });

  it('leaves what is for other replicas to its own credentials, and nothing beside it', async (test) => {
    const clock = new FakeClock();
    const peers = { path: '/api/peers/v1/hello', methods: {}, api: '/api/peers/v1/', isForPeers: true };
    const handle: RequestListener = (_, response) => void response.end('OK');
    const routes = Object.assign(new Routes([peers, { path: '/metrics', methods: {} }]), { handle });
    const { port } = await startServer(test, { clock, routes, gate: lockedGate(clock) });
    const statusOf = async (path: string): Promise<number> => {
      const connection = await rawConnection(test, port);
      connection.send(requestHead('GET', path));
      return Number((await connection.received(/^HTTP\/1\.1 \d+ /)).slice(9, 12));
    };
    assert.equal(await statusOf('/api/peers/v1/hello'), 200);
    for (const path of ['/api/peers/v1/other', '/api/peers/v1/hello/x', '/api/peers/v1/../v1/hello', '/metrics'])
      assert.equal(await statusOf(path), 401, path);
    clock.advance(1000);
  });

  it('answers 408 to a head that comes too slowly', async (test) => {
    const { port, reached } = await startServer(test, { headerTimeoutMs: 50 });
    const connection = await rawConnection(test, port);
    connection.send('GET / HTTP/1.1\r\nHost:');
    assert.match(await connection.closed, /^HTTP\/1\.1 408 /);
    assert.deepEqual([await reached('header_timeout'), await reached('request_timeout')], [1, 0]);
  });

  it('answers 408 to a body that comes too slowly', async (test) => {
    const { port, reached } = await startServer(test, { requestTimeoutMs: 50 });
    const connection = await rawConnection(test, port);
    connection.send(`${requestHead('POST', '/later', 'Content-Length: 9')}x`);
    assert.match(await connection.closed, /^HTTP\/1\.1 408 /);
    assert.deepEqual([await reached('header_timeout'), await reached('request_timeout')], [0, 1]);
  });

  it('drops connections over the limit, counts them and writes one line', async (test) => {
    const { port, reached, logger } = await startServer(test, { maxConnections: 1 });
    const first = await rawConnection(test, port);
    first.send(requestHead('GET', '/'));
    await first.received(/OK/);
    for (let n = 0; n < 2; n++) assert.equal(await (await rawConnection(test, port)).closed, '');
    assert.equal(
      await eventually(
        () => reached('max_connections'),
        (count) => count === 2,
      ),
      2,
    );
    assert.deepEqual(logger.valuesOf('connections.dropped', 'max_connections', 'more_since_last_line'), [[1, 0]]);
    first.send(requestHead('GET', '/again'));
    await first.received(/OK[^]*OK/);
  });

  it('ends a connection that sends many requests without waiting', async (test) => {
    const { port, reached } = await startServer(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/later').repeat(17));
    assert.equal(await connection.closed, '');
    assert.equal(await reached('pipelined_requests'), 1);
  });

  it('answers the first request of a connection at once, and makes further ones wait for their turn, whoever sent them', async (test) => {
    const turns: (() => void)[] = [];
    const schedule = new SliceSchedule(new FakeClock(), (run) => void turns.push(run));
    const { port } = await startServer(test, { schedule });
    const connection = await rawConnection(test, port);
    let answers = 0;
    connection.socket.on('data', (data: Buffer) => (answers += data.toString().split('HTTP/1.1 200').length - 1));
    connection.send(requestHead('GET', '/').repeat(16));
    await connection.received(/OK/);
    const other = await rawConnection(test, port);
    other.send(requestHead('GET', '/'));
    await other.received(/OK/);
    assert.equal(answers, 1);
    await eventually(
      () => {
        turns.shift()?.();
        return answers;
      },
      (count) => count === 16,
    );
  });

  it('does nothing for a request whose connection is gone when its turn comes', async (test) => {
    const turns: (() => void)[] = [];
    const schedule = new SliceSchedule(new FakeClock(), (run) => void turns.push(run));
    const { port, open } = await startServer(test, { schedule });
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/later').repeat(3));
    const held = async (): Promise<number> => Promise.resolve(open.length + turns.length);
    await eventually(held, (count) => count === 2);
    connection.socket.destroy();
    await once(open[0]!, 'close');
    turns.shift()?.();
    const next = await rawConnection(test, port);
    next.send(requestHead('GET', '/'));
    await next.received(/OK/);
    assert.equal(open.length, 1);
  });

  it('counts answers by path without the query, and 499 for a client that disconnected', async (test) => {
    const { port, registry, open } = await startServer(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/metrics?x=/'));
    await connection.received(/OK/);
    connection.send(requestHead('GET', '/later'));
    await eventually(
      () => open.length,
      (length) => length === 1,
    );
    connection.socket.destroy();
    await once(open[0]!, 'close');
    const series = 'tocsin_http_requests_total';
    assert.equal(await metric(registry, `${series}{path="/metrics",method="GET",code="200"}`), 1);
    assert.equal(await metric(registry, `${series}{path="other",method="GET",code="499"}`), 1);
  });

  it('survives a connection that the system could not hand over', async (test) => {
    const listen = test.mock.method(Server.prototype, 'listen');
    const { port, logger } = await startServer(test);
    const listening = listen.mock.calls[0]?.this as Server;
    listening.emit('error', Object.assign(new Error('accept EPERM'), { code: 'EPERM' }));
    assert.deepEqual(logger.valuesOf('connections.dropped', 'reason'), [['EPERM']]);
    const next = await rawConnection(test, port);
    next.send(requestHead('GET', '/'));
    await next.received(/OK/);
  });

  it('rejects if its port is taken', async (test) => {
    const { port } = await startServer(test);
    const { server } = await startServer(test);
    await assert.rejects(server.listen('127.0.0.1', port), { code: /EADDRINUSE|ERR_SERVER_ALREADY_LISTEN/ });
  });
});

describe('ReceiverServer.close', () => {
  it('ends idle connections, and accepts no new ones', async (test) => {
    const { server, port, clock } = await startServer(test);
    const idle = await rawConnection(test, port);
    idle.send(requestHead('GET', '/'));
    await idle.received(/OK/);
    await server.close(1000);
    await idle.closed;
    await assert.rejects(rawConnection(test, port), { code: 'ECONNREFUSED' });
    assert.equal(clock.pending(), 0);
  });

  it('answers current requests, as the last answer of their connections', async (test) => {
    const { server, port, open } = await startServer(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/later'));
    await eventually(
      () => open.length,
      (length) => length === 1,
    );
    const closed = server.close(1000);
    open[0]!.end('done');
    const answer = await connection.closed;
    assert.match(answer, /^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*done/);
    await closed;
  });

  it('answers 503 to a request that arrives on an open connection meanwhile', async (test) => {
    const { server, port, open } = await startServer(test);
    const connection = await rawConnection(test, port);
    // Its head is incomplete, so it is not idle.
    connection.send('GET /');
    const busy = await rawConnection(test, port);
    busy.send(requestHead('GET', '/later'));
    await eventually(
      () => open.length,
      (length) => length === 1,
    );
    const closed = server.close(1000);
    connection.send('later HTTP/1.1\r\nHost: x\r\n\r\n');
    const answer = await connection.closed;
    assert.match(answer, /^HTTP\/1\.1 503 [^]*Connection: close\r\n[^]*"Tocsin is shutting down"\n$/i);
    assert.equal(open.length, 1);
    open[0]!.end();
    await closed;
  });

  it('ends what is still open when its time is over', async (test) => {
    const { server, port, open, clock } = await startServer(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/later'));
    await eventually(
      () => open.length,
      (length) => length === 1,
    );
    const closed = server.close(1000);
    clock.advance(999);
    assert.equal(connection.socket.destroyed, false);
    clock.advance(1);
    await closed;
    assert.equal(await connection.closed, '');
  });
});

describe('ReceiverServer.limits', () => {
  it('apply to everything that arrives after they were set', async (test) => {
    const { server, port, reached } = await startServer(test);
    const first = await rawConnection(test, port);
    first.send(requestHead('GET', '/'));
    server.limits = { headerTimeoutMs: 10_000, requestTimeoutMs: 10_000, idleTimeoutMs: 3_210_000, maxConnections: 1 };
    const second = await rawConnection(test, port);
    await second.closed;
    await eventually(
      () => reached('max_connections'),
      (count) => count === 1,
    );
    first.socket.destroy();
    await first.closed;
    const { headers } = await eventually(
      () => fetch(`http://127.0.0.1:${port}/`),
      ({ ok }) => ok,
    );
    assert.equal(headers.get('keep-alive'), 'timeout=3210');
  });
});
