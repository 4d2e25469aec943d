import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { startFakePrometheus } from './fake-prometheus.fixture.ts';
import { systemClock } from '../runtime/clock.ts';
import { HttpConfig } from '../config/http-config.ts';
import { Connections } from './connections.ts';
import { createPrometheusClient } from './prometheus-client.ts';
import { SliceSchedule } from '../runtime/slice-schedule.ts';

const none = { ca: undefined, cert: undefined, key: undefined };

/** A proxy as it stands in the way of many: it forwards plain requests, and opens tunnels. */
async function startProxy(test: TestContext): Promise<{ readonly url: string; readonly seen: string[] }> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
    const { pathname, origin } = new URL(request.url!);
    void fetch(`${origin}${pathname}`).then(async (answer) => response.end(await answer.text()));
  });
  server.on('connect', (request, socket: Socket) => {
    seen.push(`CONNECT ${request.headers['proxy-authorization']}`);
    const [host = '', port] = request.url!.split(':');
    const other = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const end of [socket, other]) sockets.add(end.on('error', () => undefined));
    socket.pipe(other).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe('Connections', () => {
  it('keeps its dispatcher until a certificate or a key changes', async (test) => {
    const connections = new Connections(HttpConfig.parse({ tls_config: { insecure_skip_verify: true } }));
    test.after(() => connections.close());
    const first = await connections.dispatcher(none);
    assert.equal(await connections.dispatcher({ ...none }), first);
    await assert.rejects(connections.dispatcher({ ...none, ca: 'garbage' }), {
      kind: 'tls',
      message: /^prometheus\.http_config\.tls_config cannot be used \(.+\): are ca, cert and key in PEM format/,
    });
    assert.equal(await connections.dispatcher(none), first);
    connections.close();
    assert.notEqual(await connections.dispatcher(none), first);
  });

  it('asks through a proxy, with its credentials, which nobody sees', async (test) => {
    const [proxy, prometheus] = [await startProxy(test), await startFakePrometheus()];
    test.after(() => prometheus.stop());
    const httpConfig = HttpConfig.parse({ proxy_url: `http://ann:s3cret@${proxy.url}` });
    const { url } = prometheus;
    const client = createPrometheusClient({
      url,
      timeoutMs: 5000,
      maxResponseBytes: 1000,
      maxFiringBytes: 1 << 20,
      version: '1',
      clock: systemClock,
      schedule: new SliceSchedule(systemClock),
      httpConfig,
    });
    test.after(() => client.close());
    assert.deepEqual(await client.query(new AbortController().signal), { alerts: 0, firing: [] });
    const credentials = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;
    assert.equal(proxy.seen.length, 1);
    assert.ok(proxy.seen[0]!.endsWith(credentials), proxy.seen[0]);
    assert.doesNotMatch(JSON.stringify(httpConfig), /s3cret/);
  });
});
