import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';

interface Case {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const flag = '--web.cors.origin=https?://ok.*';
const routePrefix = '/am/x';
const compared = [
  'location',
  'allow',
  'vary',
  'cache-control',
  'content-type',
  'content-length',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'access-control-allow-credentials',
];

const good = { Origin: 'https://ok.example' };
const bad = { Origin: 'https://bad.example' };
const alerts = '/am/x/api/v2/alerts';

function preflight(method: string, headers: Readonly<Record<string, string>> = good): Case {
  return { method: 'OPTIONS', path: alerts, headers: { ...headers, 'Access-Control-Request-Method': method } };
}

const cases: readonly Case[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'].flatMap((method) => [
    { method, path: '/' },
    { method, path: '/am/x' },
    { method, path: '/-/healthy' },
  ]),
  { path: '/?a=1&b=<' },
  { path: '/am/x?a=1&b=%3C%27' },
  { path: '/am/x?' },
  { path: '/am' },
  { path: '/am/xy' },
  { path: '/am/x/-/healthy' },
  { path: '/am/x/-/ready', headers: good },
  { path: '/api/v2/alerts' },
  { method: 'POST', path: '/api/v2/alerts' },
  { path: '/am/x/nonsense' },
  { path: '/am/x/api/v2/nonsense', headers: good },
  { path: '/am/x/api/v2/nonsense', headers: bad },
  { path: '/am/x/api/v2/nonsense', headers: { Origin: 'https://OK.example' } },
  { path: '/am/x/api/v2/nonsense' },
  { method: 'PUT', path: '/am/x/api/v2/nonsense', headers: good },
  { method: 'POST', path: alerts, headers: { ...good, 'Content-Type': 'text/plain' } },
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].map((method) => preflight(method)),
  preflight('POST', bad),
  preflight('POST', {}),
  preflight('POST', { ...good, 'Access-Control-Request-Headers': 'content-type' }),
  preflight('POST', { ...good, 'Access-Control-Request-Headers': 'authorization,x-anything' }),
  preflight('PUT', { ...good, 'Access-Control-Request-Headers': 'content-type' }),
  { ...preflight('GET'), path: '/am/x/-/healthy' },
  { ...preflight('GET'), path: '/am/x/api/v2/nonsense' },
  { ...preflight('GET'), path: '/am/x/metrics' },
];

async function ask(address: string, { method = 'GET', path, headers = {} }: Case): Promise<object> {
  const response = await fetch(`http://${address}${path}`, { method, headers, redirect: 'manual' });
  const shown = compared.map((name): [string, string | null] => [name, response.headers.get(name)]);
  const isReady = path.includes('/-/');
  return { status: response.status, ...Object.fromEntries(shown), body: isReady ? '' : await response.text() };
}

describe('--web.route-prefix and --web.cors.origin', { skip: skipWithout('alertmanager') }, () => {
  let servers: readonly ServerProcess[] = [];
  before(async () => {
    // Started one after the other, so that the first is stopped even if the second does not start.
    servers = [await startAlertmanager({ routePrefix, flags: [flag] })];
    servers = [...servers, await startTocsin({ routePrefix, args: [flag] })];
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  for (const request of cases) {
    const { method = 'GET', path, headers = {} } = request;
    it(`answers ${method} ${path} ${JSON.stringify(headers)} as Alertmanager does`, async () => {
      const [alertmanager, tocsin] = await Promise.all(servers.map((server) => ask(server.address, request)));
      assert.deepEqual(tocsin, alertmanager);
    });
  }
});
