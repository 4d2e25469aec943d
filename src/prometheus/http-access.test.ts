import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { startFakePrometheus } from './fake-prometheus.fixture.ts';
import { systemClock } from '../runtime/clock.ts';
import { HttpConfig } from '../config/http-config.ts';
import { tlsOptions } from '../outbound/http-access.ts';
import { prometheusProxy, type ProxyOptions } from './http-access.ts';
import { prometheusWords } from './prometheus-error.ts';
import { createPrometheusClient } from './prometheus-client.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const url = 'http://prometheus.monitoring.svc:9090';
const environment = { HTTP_PROXY: 'http://env:3128' };

function proxyOf(config: object, changes: Partial<ProxyOptions> = {}): string | undefined {
  const proxy = prometheusProxy({ url, environment, httpConfig: HttpConfig.parse(config), ...changes });
  return proxy && `${proxy.url} by ${proxy.namedBy}`;
}

describe('prometheusProxy', () => {
  it('is that of http_config, whatever the environment says', () => {
    const own = 'http://own:1 by prometheus.http_config.proxy_url';
    assert.equal(proxyOf({ proxy_url: 'http://own:1' }, { environment: { ...environment, NO_PROXY: '*' } }), own);
    assert.equal(proxyOf({ proxy_url: 'http://own:1', no_proxy: '.example.com' }), own);
    assert.equal(proxyOf({ proxy_url: 'http://own:1', no_proxy: '.svc' }), undefined);
  });

  it('is that of the environment, unless the configuration says no', () => {
    assert.equal(proxyOf({}), 'http://env:3128 by HTTP_PROXY');
    assert.equal(proxyOf({ proxy_from_environment: true }), 'http://env:3128 by HTTP_PROXY');
    assert.equal(proxyOf({ proxy_from_environment: false }), undefined);
    assert.equal(proxyOf({}, { environment: { ...environment, NO_PROXY: '.svc' } }), undefined);
  });

  it('is an error where the one address of a name is to be asked, which a proxy cannot promise', () => {
    const ip = '10.0.0.7';
    assert.throws(() => proxyOf({}, { ip }), {
      name: 'PrometheusError',
      message:
        /^Prometheus at prometheus\.monitoring\.svc \(10\.0\.0\.7\) would be asked by way of the proxy http:\/\/env:3128 \(HTTP_PROXY\).*: let NO_PROXY name prometheus\.monitoring\.svc, or set prometheus\.resolve to one\.$/,
    });
    for (const NO_PROXY of ['.svc', '10.0.0.0/8'])
      assert.equal(proxyOf({}, { ip, environment: { ...environment, NO_PROXY } }), undefined);
    assert.throws(() => proxyOf({}, { ip: 'fd00::7' }), /\(fd00::7\)/);
  });

  it('is an error where the environment names none', () => {
    assert.throws(() => proxyOf({}, { environment: { HTTP_PROXY: 'socks5://ann:s3cret@proxy' } }), {
      name: 'PrometheusError',
      message: /^the environment variable HTTP_PROXY is "socks5:\/\/\*\*\*@proxy", allowed: /,
    });
  });
});

/** A proxy like those in many networks: it forwards plain requests, and opens tunnels. */
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

describe('prometheus.http_config', () => {
  it('says which key is of no use when TLS cannot be set up', () => {
    const config = HttpConfig.parse({ tls_config: { insecure_skip_verify: true } });
    assert.throws(() => tlsOptions(config, { ca: 'garbage', cert: undefined, key: undefined }, prometheusWords), {
      kind: 'tls',
      message: /^prometheus\.http_config\.tls_config cannot be used \(.+\): are ca, cert and key in PEM format/,
    });
  });

  it('asks through a proxy, with its credentials, which nobody sees', async (test) => {
    const [proxy, prometheus] = [await startProxy(test), await startFakePrometheus()];
    test.after(() => prometheus.stop());
    const httpConfig = HttpConfig.parse({ proxy_url: `http://ann:s3cret@${proxy.url}` });
    const client = createPrometheusClient({
      url: prometheus.url,
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
