import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { createAuthority, type Authority } from './certificates.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { Config } from '../config/config.ts';
import { createWebMetrics } from './web/gate-report.ts';
import type { ClientAuthType, TlsSettings } from './web/web-settings.ts';
import { rawConnection, requestHead } from './raw-connection.fixture.ts';
import { routesTo } from './routes.fixture.ts';
import { ReceiverServer } from './http-server.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { testConnections } from './connections.fixture.ts';

const { receiver: defaults } = Config.parse({});

describe('TlsConnections', () => {
  let authority: Authority;
  let settings: TlsSettings;
  before(async () => {
    authority = await createAuthority();
    const { certFile, keyFile } = await authority.issue('server');
    const [cert, key, ca] = await Promise.all(
      [certFile, keyFile, authority.caFile].map((file) => authority.read(file)),
    );
    const context = { cert: cert!, key: key!, ca: ca! };
    settings = { context, clientAuthType: 'NoClientCert', allowedSubjects: [], notAfter: 0 };
  });
  after(() => authority?.remove());

  async function start(test: TestContext, clientAuthType: ClientAuthType, tlsHandshakeTimeoutMs = 10_000) {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const { registry, metrics } = testHttpMetrics();
    const server = new ReceiverServer({
      clock,
      schedule: new SliceSchedule(clock),
      logger,
      metrics,
      routes: routesTo((_, response) => response.end('in')),
      routePrefix: '',
      webMetrics: createWebMetrics(registry),
      tls: { ...settings, clientAuthType },
      connections: testConnections({ clock, logger, metrics }),
      maxHeaderBytes: defaults.max_header_size,
      maxHeaders: defaults.max_headers,
      headerTimeoutMs: defaults.header_timeout,
      requestTimeoutMs: defaults.request_timeout,
      idleTimeoutMs: defaults.idle_timeout,
      maxConnections: defaults.max_connections,
      tlsHandshakeTimeoutMs,
    });
    const { port } = await server.listen('127.0.0.1', 0);
    test.after(async () => {
      const closed = server.close(1);
      clock.advance(1);
      await closed;
    });
    const failures = (reason: string) => metric(registry, `tocsin_tls_handshake_failures_total{reason="${reason}"}`);
    return { port, logger, registry, failures };
  }

  /** Everything that the server sends in answer to a GET over TLS. */
  function exchange(port: number, client: object = {}): Promise<string> {
    return new Promise((resolve) => {
      let received = '';
      const socket = connect({ port, host: '127.0.0.1', ca: settings.context.ca, ...client }, () =>
        socket.write(requestHead('GET', '/', 'Connection: close')),
      );
      socket.setEncoding('utf8').on('data', (text) => (received += text));
      socket.on('error', () => undefined).on('close', () => resolve(received));
    });
  }

  it('speaks HTTP over TLS', async (test) => {
    const { port } = await start(test, 'NoClientCert');
    assert.match(await exchange(port), /^HTTP\/1\.1 200 [^]*in/);
  });

  it('ends and counts a client that never finishes the handshake', async (test) => {
    const { port, registry, failures, logger } = await start(test, 'NoClientCert', 50);
    const connection = await rawConnection(test, port);
    await connection.closed;
    assert.equal(
      await eventually(
        () => failures('timeout'),
        (count) => count === 1,
      ),
      1,
    );
    assert.equal(await metric(registry, 'tocsin_limit_reached_total{limit="tls_handshake_timeout"}'), 1);
    assert.deepEqual(logger.valuesOf('connection.tls_failed', 'reason'), [['timeout']]);
  });

  it('ends and counts a client that speaks plain HTTP', async (test) => {
    const { port, failures, logger } = await start(test, 'NoClientCert');
    const connection = await rawConnection(test, port);
    connection.send(requestHead('GET', '/'));
    await connection.closed;
    assert.equal(await failures('protocol'), 1);
    assert.deepEqual(logger.valuesOf('connection.tls_failed', 'text'), [['ERR_SSL_HTTP_REQUEST']]);
  });

  it('answers no request from a client with a bad certificate', async (test) => {
    const { port, failures } = await start(test, 'RequireAndVerifyClientCert');
    assert.equal(await exchange(port), '');
    assert.equal(await failures('certificate'), 1);
    const { certFile, keyFile } = await authority.issue('client', { names: 'DNS:client' });
    const [cert, key] = await Promise.all([certFile, keyFile].map((file) => authority.read(file)));
    assert.match(await exchange(port, { cert, key }), /^HTTP\/1\.1 200 /);
  });
});
