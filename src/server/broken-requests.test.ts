import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { restTurns, sliceMs, SliceSchedule } from '../runtime/slices.ts';
import { BrokenRequests } from './broken-requests.ts';
import { rawConnection, type RawConnection } from './raw-connection.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';

function setUp() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testHttpMetrics();
  const headers = (): [string, string][] => [['X-Frame-Options', 'deny']];
  const broken = new BrokenRequests({
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    metrics,
    headers,
    maxHeaders: 100,
    maxHeaderBytes: 16_384,
  });
  const reached = (limit: string): Promise<number | undefined> =>
    metric(registry, `tocsin_limit_reached_total{limit="${limit}"}`);
  return { clock, logger, broken, reached };
}

/** Both ends of a connection; the server's end stays open after the client's has ended. */
async function socketPair(test: TestContext): Promise<{ readonly socket: Socket; readonly client: RawConnection }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = await rawConnection(test, (server.address() as AddressInfo).port);
  const [socket] = await accepted;
  socket.on('error', () => undefined);
  test.after(() => {
    socket.destroy();
    server.close();
  });
  return { socket, client };
}

function errorOf(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error('broken'), { code });
}

describe('BrokenRequests.refuse', () => {
  for (const [code, hasHead, status, limit] of [
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', true, '413 Content Too Large', 'max_header_size'],
    ['ERR_HTTP_REQUEST_TIMEOUT', false, '408 Request Timeout', 'header_timeout'],
    ['ERR_HTTP_REQUEST_TIMEOUT', true, '408 Request Timeout', 'request_timeout'],
    ['HPE_INVALID_METHOD', false, '400 Bad Request', undefined],
  ] as const) {
    it(`answers ${status} for ${code}${hasHead ? ' after a head' : ''}, and ends the connection`, async (test) => {
      const { clock, logger, broken, reached } = setUp();
      const { socket, client } = await socketPair(test);
      const remote = `127.0.0.1:${socket.remotePort}`;
      broken.refuse(errorOf(code), socket, () => hasHead);
      const answer = await client.received(/\r\n\r\n$/);
      assert.equal(
        answer,
        `HTTP/1.1 ${status}\r\nConnection: close\r\nX-Frame-Options: deny\r\nContent-Length: 0\r\n\r\n`,
      );
      assert.deepEqual(logger.fieldsOf('request.broken'), [
        { remote, answer: status, reason: code, more_since_last_line: 0 },
      ]);
      for (const name of ['max_header_size', 'header_timeout', 'request_timeout'])
        assert.equal(await reached(name), name === limit ? 1 : 0, name);
      assert.equal(clock.pending(), 1);
      clock.advance(1000);
      assert.equal(socket.destroyed, true);
      assert.equal(clock.pending(), 0);
    });
  }

  for (const [code, limit, text] of [
    ['HPE_HEADER_OVERFLOW', 'max_header_size', 'the headers are larger than receiver.max_header_size (16384 bytes)'],
    ['TOO_MANY_HEADERS', 'max_headers', 'the request has more than receiver.max_headers (100) headers'],
  ] as const)
    it(`answers 431 for ${code} and says which limit it is`, async (test) => {
      const { broken, reached } = setUp();
      const { socket, client } = await socketPair(test);
      broken.refuse(errorOf(code), socket, () => false);
      const answer = await client.received(/limit\n$/);
      assert.ok(answer.startsWith('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n'), answer);
      assert.ok(answer.includes(text), answer);
      const [, length] = /Content-Length: (\d+)\r\n\r\n/.exec(answer)!;
      assert.equal(answer.split('\r\n\r\n')[1]!.length, Number(length));
      assert.equal(await reached(limit), 1);
    });

  it('leaves no timer if the connection ends in time', async (test) => {
    const { clock, broken } = setUp();
    const { socket } = await socketPair(test);
    broken.refuse(errorOf('HPE_INVALID_METHOD'), socket, () => false);
    socket.destroy();
    await once(socket, 'close');
    assert.equal(clock.pending(), 0);
  });

  it('answers once', async (test) => {
    const { clock, logger, broken } = setUp();
    const { socket } = await socketPair(test);
    for (let n = 0; n < 2; n++) broken.refuse(errorOf('HPE_INVALID_METHOD'), socket, () => false);
    await setImmediate();
    clock.advance(60_000);
    assert.equal(logger.lines.length, 1);
    broken.dropped(1);
    assert.equal(socket.destroyed, true);
  });

  it('refuses in slices the connections that Node ends all at once, and later ones after them', async () => {
    const { clock, broken, reached } = setUp();
    const answered: string[] = [];
    const refuse = (name: string): void => {
      const end = (): void => {
        answered.push(name);
        clock.advance(sliceMs / 2);
      };
      const socket = { writable: true, writableEnded: false, once: () => undefined, end };
      broken.refuse(errorOf('ERR_HTTP_REQUEST_TIMEOUT'), socket as unknown as Socket, () => false);
    };
    for (const name of 'abc') refuse(name);
    assert.deepEqual(answered, []);
    await setImmediate();
    assert.deepEqual(answered, ['a', 'b']);
    refuse('d');
    for (let turn = 0; turn <= restTurns; turn++) await setImmediate();
    assert.deepEqual(answered, ['a', 'b', 'c', 'd']);
    refuse('e');
    for (let turn = 0; turn <= restTurns; turn++) await setImmediate();
    assert.equal(await reached('header_timeout'), 5);
  });

  it('ignores a late request that has arrived and been answered before its turn', async (test) => {
    const { logger, broken } = setUp();
    const { socket } = await socketPair(test);
    let hasHead = true;
    broken.refuse(errorOf('ERR_HTTP_REQUEST_TIMEOUT'), socket, () => hasHead);
    hasHead = false;
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    assert.deepEqual([socket.writableEnded, logger.linesOf('request.broken').length], [false, 0]);
  });

  it('writes nothing about a connection that was reset', async (test) => {
    const { logger, broken, clock } = setUp();
    const { socket } = await socketPair(test);
    broken.refuse(errorOf('ECONNRESET'), socket, () => false);
    await setImmediate();
    assert.deepEqual([socket.destroyed, logger.lines.length, clock.pending()], [true, 0, 0]);
  });
});

describe('BrokenRequests.dropped', () => {
  it('counts each, and writes one line a minute that says how many more there were', async () => {
    const { clock, logger, broken, reached } = setUp();
    for (let n = 0; n < 3; n++) broken.dropped(7);
    clock.advance(59_999);
    broken.dropped(7);
    clock.advance(1);
    broken.dropped(7);
    broken.dropped(7);
    assert.equal(await reached('max_connections'), 6);
    assert.deepEqual(logger.valuesOf('connections.dropped', 'max_connections', 'more_since_last_line'), [
      [7, 0],
      [7, 3],
    ]);
    assert.equal(clock.pending(), 0);
  });
});

describe('BrokenRequests.tooMany', () => {
  it('ends the connection without an answer, and counts and logs it', async (test) => {
    const { logger, broken, reached } = setUp();
    const { socket, client } = await socketPair(test);
    const remote = `127.0.0.1:${socket.remotePort}`;
    broken.tooMany(socket, 16);
    assert.equal(await client.closed, '');
    assert.equal(await reached('pipelined_requests'), 1);
    assert.deepEqual(logger.fieldsOf('request.broken'), [{ remote, max_requests: 16, more_since_last_line: 0 }]);
  });
});
