import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { loadWebConfig } from './web/load-web-config.ts';
import { rawConnection } from './raw-connection.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { routesTo } from './routes.fixture.ts';
import { GuardedServer, logListening } from './guarded-server.ts';
import { testDoor } from './kubernetes-door.fixture.ts';
import { testConnections } from './connections.fixture.ts';

const locked = `basic_auth_users: {ann: $2y$10$${'a'.repeat(53)}}`;

/** A server that listens on `host`, and a function that makes it read another web configuration. */
async function start(test: TestContext, host: string, first = locked) {
  let text = first;
  const readFile = (): string => text;
  const clock = new FakeClock();
  const { registry, metrics } = testHttpMetrics();
  const logger = new RecordingLogger();
  const { receiver } = Config.parse({});
  const loaded = loadWebConfig('/nowhere/web.yml', readFile);
  assert.ok('settings' in loaded);
  const server = new GuardedServer({
    registry,
    metrics,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    routes: routesTo((_, response) => response.end()),
    web: { routePrefix: '/am', configSource: { file: '/nowhere/web.yml', ...loaded, readFile, load: loadWebConfig } },
    kubernetes: testDoor(),
    connections: testConnections({ clock, logger, metrics }),
    maxHeaderBytes: receiver.max_header_size,
    maxHeaders: receiver.max_headers,
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
    tlsHandshakeTimeoutMs: receiver.tls_handshake_timeout,
  });
  test.after(() => server.close(1));
  const { port } = await server.listen({ host, port: 0 });
  const reload = (next: string): void => {
    text = next;
    server.prepareReload()();
  };
  return { port, reload, unlocked: () => logger.valuesOf('receiver.unlocked', 'address').flat() };
}

describe('GuardedServer', () => {
  const withKubernetes = 'kubernetes: {enabled: true}';
  const problem = /^Error: \/nowhere\/web.yml: kubernetes.enabled: found true, but Tocsin runs without a cluster/;

  it('refuses to start with rights from Kubernetes where there is no cluster', async (test) => {
    await assert.rejects(start(test, '127.0.0.1', withKubernetes), problem);
  });

  it('refuses to change to rights from Kubernetes where there is no cluster, and keeps its lock', async (test) => {
    const { port, reload } = await start(test, '127.0.0.1');
    assert.throws(() => reload(withKubernetes), problem);
    assert.equal((await fetch(`http://127.0.0.1:${port}/am/x`)).status, 401);
  });

  it('warns about every new configuration that lets everybody on the network in', async (test) => {
    const { port, reload, unlocked } = await start(test, '0.0.0.0');
    reload(locked);
    assert.deepEqual(unlocked(), []);
    reload('{}');
    reload('access: {/metrics: open}');
    const address = `http://0.0.0.0:${port}/am`;
    assert.deepEqual(unlocked(), [address, address]);
  });

  it('does not warn about it on the loopback', async (test) => {
    const { reload, unlocked } = await start(test, '127.0.0.1');
    reload('{}');
    assert.deepEqual(unlocked(), []);
  });

  for (const [listensAt, configuration, status] of [
    ['127.0.0.1', '{}', '403'],
    ['127.0.0.1', locked, '401'],
    ['0.0.0.0', '{}', '200'],
  ] as const)
    it(`answers ${status} to a foreign Host at ${listensAt} ${configuration === locked ? 'with' : 'without'} a lock`, async (test) => {
      const { port, reload } = await start(test, listensAt);
      reload(configuration);
      const connection = await rawConnection(test, port);
      connection.send('GET /am/x HTTP/1.1\r\nHost: tocsin.example\r\nConnection: close\r\n\r\n');
      assert.equal((await connection.closed).slice(9, 12), status);
    });
});

describe('logListening', () => {
  const rows: readonly (readonly [string, boolean, boolean])[] = [
    ['127.0.0.1', false, false],
    ['127.8.8.8', false, false],
    ['::1', false, false],
    ['0.0.0.0', false, true],
    ['::', false, true],
    ['10.0.0.1', false, true],
    ['0.0.0.0', true, false],
  ];
  for (const [address, isLocked, warns] of rows) {
    it(`${warns ? 'warns' : 'does not warn'} at ${address} ${isLocked ? 'with' : 'without'} a lock`, () => {
      const logger = new RecordingLogger();
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      logListening(logger, { scheme: 'http', isLocked }, { address, family, port: 9093 }, '/am');
      assert.equal(logger.valuesOf('receiver.unlocked', 'address').length, warns ? 1 : 0);
      const url = `http://${family === 'IPv6' ? `[${address}]` : address}:9093/am`;
      assert.deepEqual(logger.valuesOf('receiver.listening', 'address', 'auth'), [[url, isLocked]]);
    });
  }
});
