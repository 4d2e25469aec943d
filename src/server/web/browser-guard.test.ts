import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';
import { createWebMetrics, GateReport } from './gate-report.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { testHttpMetrics } from '../http-metrics.fixture.ts';
import { routesTo } from '../routes.fixture.ts';
import { BrowserGuard, withCors, type BrowserGuardOptions } from './browser-guard.ts';

async function start(test: TestContext, options: Partial<BrowserGuardOptions> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testHttpMetrics();
  const report = new GateReport({ clock, logger, metrics, webMetrics: createWebMetrics(registry) });
  const guard = new BrowserGuard({
    clock,
    report,
    routes: routesTo(() => undefined),
    place: { host: '127.0.0.1', isLoopback: true },
    ...options,
  });
  const server = createServer((incoming, response) => {
    if (guard.refuses(incoming.url ?? '', incoming, response)) return;
    incoming.resume();
    response.end('in');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const send = async (method: string, path: string, headers: Record<string, string>) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }).end();
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode as number, text };
  };
  const failures = (reason: string) => metric(registry, `tocsin_http_auth_failures_total{reason="${reason}"}`);
  return { send, logger, failures };
}

const externalUrl = 'https://tocsin.example/am';

describe('BrowserGuard, on the loopback without a lock', () => {
  for (const host of [
    '127.0.0.1:9093',
    '127.0.0.1',
    '[::1]:9093',
    '10.1.2.3',
    'localhost:9093',
    'LOCALHOST.',
    'tocsin.example',
    'Tocsin.example:443',
  ])
    it(`serves the host ${host}`, async (test) => {
      const { send } = await start(test, { externalUrl });
      assert.equal((await send('GET', '/api/v2/alerts', { host })).status, 200);
    });

  for (const host of [
    'evil.example',
    'evil.example:9093',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'x',
    'localhost:9093@evil.example',
    '[::1',
  ])
    it(`refuses the host ${host}, says how to allow it, counts and logs it`, async (test) => {
      const { send, logger, failures } = await start(test, { externalUrl });
      const { status, text } = await send('GET', '/api/v2/alerts', { host });
      assert.equal(status, 403);
      assert.match(text, /--web\.external-url=http:\/\/NAME:PORT, or with a lock/);
      assert.deepEqual([await failures('host'), logger.valuesOf('request.unauthorized', 'reason')], [1, [['host']]]);
    });

  it('serves the name of the listen address', async (test) => {
    const { send } = await start(test, { place: { host: 'MyMachine', isLoopback: true } });
    assert.equal((await send('GET', '/metrics', { host: 'mymachine:9093' })).status, 200);
  });

  it('leaves the health open to every host', async (test) => {
    const { send } = await start(test);
    for (const path of ['/-/healthy', '/-/ready'])
      assert.equal((await send('GET', path, { host: 'probe' })).status, 200);
  });
});

describe('BrowserGuard, with a lock or on the network', () => {
  it('serves every host, as is needed behind a Service or an ingress', async (test) => {
    const { send } = await start(test, { place: { isLoopback: false } });
    const headers = { host: 'tocsin.tocsin.svc:9093' };
    assert.equal((await send('POST', '/api/v2/alerts', headers)).status, 200);
  });
});

describe('BrowserGuard, for requests that change something', () => {
  const host = 'localhost:9093';
  const foreign = 'https://evil.example';
  const rows: readonly (readonly [what: string, headers: Record<string, string>, status: number])[] = [
    ['nobody who is no browser', {}, 200],
    ['a page of its own', { 'sec-fetch-site': 'same-origin', origin: `http://${host}` }, 200],
    [
      'a page of its own behind a proxy that changes Host',
      { 'sec-fetch-site': 'same-origin', origin: 'https://a.example' },
      200,
    ],
    ['somebody who types', { 'sec-fetch-site': 'none' }, 200],
    ['a page of its own in an old browser', { origin: `http://${host}` }, 200],
    ['a page of its own behind a proxy that ends TLS', { origin: `https://${host}` }, 200],
    ['a page of the external URL', { origin: 'https://tocsin.example' }, 200],
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: foreign }, 403],
    ['a page of another site without Origin', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a page of the same site', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' }, 403],
    ['a page of another site in an old browser', { origin: foreign }, 403],
    ['a page of another port', { origin: 'http://localhost:3000' }, 403],
    ['a page without origin', { origin: 'null' }, 403],
  ];
  for (const [what, headers, status] of rows)
    it(`${status === 200 ? 'lets in' : 'refuses'} ${what}`, async (test) => {
      const { send, failures } = await start(test, { externalUrl });
      for (const [method, path] of [
        ['POST', '/-/reload'],
        ['POST', '/api/v2/alerts'],
        ['POST', '/webhook'],
        ['DELETE', '/api/v2/silence/x'],
      ] as const)
        assert.equal((await send(method, path, { host, ...headers })).status, status, path);
      assert.equal(await failures('cross_site'), status === 200 ? 0 : 4);
      assert.equal((await send('GET', '/api/v2/alerts', { host, ...headers })).status, 200);
    });

  it('lets in pages of --web.cors.origin below the API, and nowhere else', async (test) => {
    const { send } = await start(test, { corsOrigin: new AnchoredRegexp('https://ok\\.example') });
    const headers = { host, 'sec-fetch-site': 'cross-site', origin: 'https://ok.example' };
    assert.equal((await send('POST', '/api/v2/silences', headers)).status, 200);
    assert.equal((await send('POST', '/-/reload', headers)).status, 403);
    assert.equal((await send('POST', '/api/v2/silences', { ...headers, origin: foreign })).status, 403);
  });
});

const origin = 'https://ok.example';

async function startCors(test: TestContext, expression: string | undefined): Promise<string> {
  const origins = expression === undefined ? undefined : new AnchoredRegexp(expression);
  const server = createServer(
    withCors(
      origins,
      routesTo((_, response) => response.end('routed')),
    ),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('withCors', () => {
  it('adds no headers without an expression', async (test) => {
    const url = await startCors(test, undefined);
    const response = await fetch(`${url}/api/v2/status`, { headers: { origin } });
    assert.deepEqual([response.headers.get('vary'), response.headers.get('access-control-allow-origin')], [null, null]);
  });

  it('names the origin that may read, and makes caches distinguish origins', async (test) => {
    const url = await startCors(test, 'https://ok\\.example');
    const allowed = await fetch(`${url}/api/v2/status`, { headers: { origin } });
    assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
    const other = await fetch(`${url}/api/v2/status`, { headers: { origin: 'https://ok-example' } });
    assert.deepEqual([other.headers.get('access-control-allow-origin'), other.headers.get('vary')], [null, 'Origin']);
    assert.equal(await other.text(), 'routed');
  });

  it('answers a preflight itself, and only below the API', async (test) => {
    const url = await startCors(test, '.*');
    const headers = { origin, 'access-control-request-method': 'DELETE' };
    const answered = await fetch(`${url}/api/v2/silence/x`, { method: 'OPTIONS', headers });
    assert.deepEqual([answered.status, answered.headers.get('access-control-allow-methods')], [204, 'DELETE']);
    const routed = await fetch(`${url}/metrics`, { method: 'OPTIONS', headers });
    assert.deepEqual([await routed.text(), routed.headers.get('vary')], ['routed', null]);
  });
});
