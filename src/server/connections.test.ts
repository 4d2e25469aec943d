import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { rawConnection, requestHead, type RawConnection } from './raw-connection.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { graceMs } from './request/memory-budget.ts';
import { connectionCost, headerCost, requestCost } from './connection.ts';
import { testConnections } from './connections.fixture.ts';

const KiB = 1024;
const lookEveryMs = 100;

/** A Node server whose connections are counted; requests wait until the test answers them. */
async function start(test: TestContext, maxBytes = 64 * KiB) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testHttpMetrics();
  const connections = testConnections({ clock, logger, metrics, maxBytes: () => maxBytes });
  const requests: (readonly [IncomingMessage, ServerResponse])[] = [];
  const server = createServer((request, response) => {
    connections.begin(request, response);
    response.once('close', () => connections.end(request, response));
    requests.push([request, response]);
  });
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    connections.open(socket, false);
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(async () => {
    server.close();
    server.closeAllConnections();
    await eventually(
      () => clock.pending(),
      (pending) => pending === 0,
    );
  });
  const { port } = server.address() as AddressInfo;
  const value = (series: string) => metric(registry, series);
  const open = async (text = ''): Promise<RawConnection> => {
    const before = accepted;
    const connection = await rawConnection(test, port);
    await eventually(
      () => accepted,
      (count) => count > before,
    );
    if (text !== '') connection.send(text);
    return connection;
  };
  const request = async (index: number): Promise<readonly [IncomingMessage, ServerResponse]> => {
    await eventually(
      () => requests.length,
      (count) => count > index,
    );
    return requests[index]!;
  };
  /** Polls until this many bytes are counted. */
  const counted = (bytes: number): Promise<number | undefined> =>
    eventually(
      () => {
        clock.advance(lookEveryMs);
        return value('tocsin_connection_memory_bytes');
      },
      (now) => now !== undefined && now >= bytes,
    );
  const evicted = () => value('tocsin_limit_reached_total{limit="connection_memory"}');
  return { clock, logger, connections, open, request, counted, value, evicted };
}

const bodyHead = requestHead('POST', '/', 'Content-Length: 100000');

describe('Connections', () => {
  it('counts a connection when it opens, and no longer when it is closed', async (test) => {
    const { open, value, clock } = await start(test);
    const connection = await open();
    assert.equal(await value('tocsin_connection_memory_bytes'), connectionCost);
    connection.socket.destroy();
    await eventually(
      () => value('tocsin_connection_memory_bytes'),
      (bytes) => bytes === 0,
    );
    assert.equal(clock.pending(), 0);
  });

  it('ends the connection that has been idle for longest if there is no room for a new one', async (test) => {
    const { open, evicted, logger, value } = await start(test, 3 * connectionCost);
    const first = await open();
    for (let n = 0; n < 2; n++) await open();
    assert.equal(await evicted(), 0);
    const remote = `127.0.0.1:${first.socket.localPort}`;
    await rawConnectionOf(test, first);
    assert.equal(await first.closed, '');
    assert.equal(await evicted(), 1);
    assert.equal(await value('tocsin_connections'), 3);
    assert.deepEqual(logger.fieldsOf('connections.evicted'), [
      {
        limit: 'receiver.max_connection_memory',
        max_bytes: 3 * connectionCost,
        connections: 3,
        remote,
        phase: 'idle',
        more_since_last_line: 0,
      },
    ]);
  });

  it('sees an unfinished head grow, and answers 408 when it has to end it', async (test) => {
    const { open, counted, evicted, logger } = await start(test, 2 * connectionCost + 20 * KiB);
    const slow = await open(`GET / HTTP/1.1\r\nX: ${'x'.repeat(5000)}`);
    await counted(connectionCost + 10_000);
    const other = await open(`GET / HTTP/1.1\r\nX: ${'x'.repeat(5000)}`);
    await eventually(
      () => counted(1).then(evicted),
      (count) => count === 1,
    );
    assert.match(await slow.closed, /^HTTP\/1\.1 408 /);
    assert.deepEqual(logger.valuesOf('connections.evicted', 'phase'), [['head']]);
    assert.equal(other.socket.destroyed, false);
  });

  it('counts the headers of a request whose body is awaited, and answers 408 when it has to end it', async (test) => {
    const { open, request, counted, evicted } = await start(test);
    const headers = Array.from({ length: 90 }, (_, index) => `h${index}: v`);
    const slow = await open(requestHead('POST', '/', 'Content-Length: 10', ...headers));
    await request(0);
    await counted(connectionCost + requestCost + 90 * headerCost);
    for (let n = 0; n < 4; n++) await open();
    assert.match(await slow.closed, /^HTTP\/1\.1 408 /);
    assert.equal(await evicted(), 1);
  });

  it('counts a body as it arrives, and has its request answered when it has to end it', async (test) => {
    const { open, request, connections } = await start(test);
    const slow = await open(`${bodyHead}${'x'.repeat(1000)}`);
    const [incoming, response] = await request(0);
    const evict = (): void => void response.writeHead(408).end('too slow');
    connections.hold(incoming, 70 * KiB, evict);
    assert.match(await slow.closed, /^HTTP\/1\.1 408 [^]*Connection: close[^]*too slow/);
  });

  it('stops counting a body once it is released', async (test) => {
    const { open, request, connections, counted, value } = await start(test);
    await open(bodyHead);
    const [incoming] = await request(0);
    connections.hold(incoming, 40 * KiB, assert.fail);
    await counted(40 * KiB);
    connections.release(incoming);
    connections.release(incoming);
    await counted(1);
    assert.ok((await value('tocsin_connection_memory_bytes'))! < 20 * KiB);
  });

  it('spares a connection whose request is processed, however long that takes', async (test) => {
    const { open, request, evicted } = await start(test, 3 * connectionCost + requestCost + KiB);
    const served = await open(requestHead('GET', '/'));
    const [, response] = await request(0);
    for (let n = 0; n < 5; n++) await open();
    response.end('served');
    await served.received(/served$/);
    assert.ok((await evicted())! > 0);
  });

  it('keeps a connection that has had an answer rather than a silent one', async (test) => {
    const { clock, open, request, evicted } = await start(test, 3 * connectionCost);
    const used = await open();
    const silent = await open();
    used.send(requestHead('GET', '/'));
    const [, response] = await request(0);
    response.end('served');
    await used.received(/served$/);
    await open();
    clock.advance(graceMs);
    await rawConnectionOf(test, used);
    await silent.closed;
    assert.equal(await evicted(), 1);
    assert.equal(used.socket.destroyed, false);
  });

  it('ends a client that does not read its answer', async (test) => {
    const { clock, open, request, evicted } = await start(test, 256 * KiB);
    const slow = await open(requestHead('GET', '/'));
    slow.socket.pause();
    const [, response] = await request(0);
    response.end(Buffer.alloc(32 * KiB * KiB));
    await eventually(
      () => {
        clock.advance(lookEveryMs);
        return response.destroyed;
      },
      (destroyed) => destroyed,
    );
    assert.equal(await evicted(), 1);
  });

  it('does nothing for requests of closed connections', async (test) => {
    const { open, request, connections, value } = await start(test);
    const connection = await open(bodyHead);
    const [incoming] = await request(0);
    connection.socket.destroy();
    await eventually(
      () => value('tocsin_connections'),
      (count) => count === 0,
    );
    connections.hold(incoming, 1_000_000, assert.fail);
    connections.release(incoming);
    assert.equal(await value('tocsin_connection_memory_bytes'), 0);
  });
});

/** Another connection to the same server. */
function rawConnectionOf(test: TestContext, { socket }: RawConnection): Promise<RawConnection> {
  return rawConnection(test, socket.remotePort!);
}
