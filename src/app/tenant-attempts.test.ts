import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { loadWebConfig } from '../server/web/load-web-config.ts';
import { alert, silence, tenantsBench, type TenantsBench } from './tenants.fixture.ts';

const tokens: Readonly<Record<string, string>> = {
  '/web/one.token': 'token-of-one',
  '/web/two.token': 'token-of-two',
  '/web/admin.token': 'token-of-admin',
  '/web/nobody.token': 'token-of-nobody',
};

const webText = `
authorization: {credentials_files: [nobody.token]}
access: {/api/v2/alerts: open, /metrics: protected}
tenants:
  one: {credentials_files: [one.token]}
  two: {credentials_files: [two.token]}
admins: {credentials_files: [admin.token]}
`;

const readFile = (path: string): string => {
  const text = path === '/web/web.yml' ? webText : tokens[path];
  if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
  return text;
};

async function boundBench(t: TestContext, by: 'path' | 'header'): Promise<TenantsBench> {
  const loaded = loadWebConfig('/web/web.yml', readFile);
  assert.ok('settings' in loaded, 'problems' in loaded ? loaded.problems.join('\n') : '');
  const configSource = { file: '/web/web.yml', ...loaded, readFile, load: loadWebConfig };
  const list = ['one', 'two'].map((name) => `{name: ${name}, pipelines: {folder: ${name}}}`).join(', ');
  return tenantsBench(t, `tenants: {by: ${by}, list: [${list}]}`, { routePrefix: '', configSource });
}

const as = (who: string): Record<string, string> => ({ Authorization: `Bearer token-of-${who}` });

interface Attempt {
  readonly what: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
}

/** What a sender of the tenant `one` tries at the tenant `two`, by its path without it. */
const attempts: readonly Attempt[] = [
  { what: 'wake its pipelines', method: 'POST', path: '/api/v2/alerts', body: [alert('TraceGatewayThrottling')] },
  { what: 'wake them by a webhook', method: 'POST', path: '/webhook', body: { version: '4', alerts: [] } },
  { what: 'read its alerts', path: '/api/v2/alerts' },
  { what: 'read its groups', path: '/api/v2/alerts/groups' },
  { what: 'read its silences', path: '/api/v2/silences' },
  { what: 'read its status', path: '/api/v2/status' },
  { what: 'read its history', path: '/api/tocsin/v1/history' },
  { what: 'read its pipelines', path: '/api/tocsin/v1/pipelines' },
  { what: 'read its bodies', path: '/api/tocsin/v1/payloads' },
  { what: 'follow what it does', path: '/api/tocsin/v1/live' },
  { what: 'see its page', path: '/' },
  { what: 'see whether it is ready', path: '/-/ready' },
  { what: 'silence its alerts', method: 'POST', path: '/api/v2/silences', body: silence('A') },
  { what: 'end its silence', method: 'DELETE', path: '/api/v2/silence/11111111-1111-4111-8111-111111111111' },
  { what: 'start its reconciles', method: 'POST', path: '/api/tocsin/v1/reconcile', body: {} },
];

const spellings: readonly (readonly [what: string, of: (path: string) => string])[] = [
  ['as it is', (path) => `/two${path}`],
  ['through the paths of Cortex', (path) => `/two/prom/alertmanager${path}`],
  ['with an escape', (path) => `/%74wo${path}`],
];

describe('a sender that is bound to one tenant', () => {
  it('may nothing of another one, by any path', async (t) => {
    const bench = await boundBench(t, 'path');
    for (const { what, method = 'GET', path, body } of attempts)
      for (const [how, of] of spellings) {
        const { status } = await bench.send(method, of(path), body, as('one'));
        assert.equal(status, 403, `${what}, ${how}`);
      }
    assert.deepEqual(await bench.alerts('/two', as('two')), []);
  });

  it('may nothing of another one, by any header', async (t) => {
    const bench = await boundBench(t, 'header');
    for (const { what, method = 'GET', path, body } of attempts.filter((each) => each.path !== '/-/ready'))
      for (const prefix of ['', '/alertmanager', '/prom/alertmanager']) {
        const headers = { ...as('one'), 'X-Scope-OrgID': 'two' };
        assert.equal((await bench.send(method, prefix + path, body, headers)).status, 403, `${what} ${prefix}`);
      }
    assert.equal((await bench.get('/api/v2/alerts', { ...as('one'), 'X-Scope-OrgID': 'one' })).status, 200);
    assert.equal((await bench.get('/api/v2/alerts', as('one'))).status, 403);
    assert.equal((await bench.get('/api/v2/alerts', as('admin'))).status, 401);
  });

  it('may everything of its own', async (t) => {
    const bench = await boundBench(t, 'path');
    assert.equal((await bench.send('POST', '/one/api/v2/alerts', [alert('A')], as('one'))).status, 200);
    assert.deepEqual(await bench.alerts('/one', as('one')), ['A']);
    assert.equal((await bench.send('POST', '/one/api/v2/silences', silence('A'), as('one'))).status, 200);
    assert.equal((await bench.get('/one/api/tocsin/v1/history', as('one'))).status, 200);
    assert.equal((await bench.get('/one/-/ready', as('one'))).status, 200);
  });

  it('may nothing of the process, and does not learn who else is there', async (t) => {
    const bench = await boundBench(t, 'path');
    for (const path of ['/metrics', '/', '/three/api/v2/alerts', '/api/v2/alerts'])
      assert.equal((await bench.get(path, as('one'))).status, 403, path);
    assert.equal((await bench.send('POST', '/-/reload', undefined, as('one'))).status, 403);
    assert.equal((await bench.get('/-/healthy')).status, 200);
  });
});

describe('a sender that is bound to no tenant', () => {
  it('may nothing, even if it has a good token, or a rule opens the path', async (t) => {
    const bench = await boundBench(t, 'path');
    for (const path of ['/one/api/v2/alerts', '/two/api/v2/alerts', '/metrics', '/'])
      assert.equal((await bench.get(path, as('nobody'))).status, 403, path);
    assert.equal((await bench.get('/one/api/v2/alerts')).status, 401);
    assert.equal((await bench.get('/one/-/ready')).status, 401);
    assert.equal((await bench.get('/one/api/v2/alerts', as('somebody'))).status, 401);
  });
});

describe('an admin', () => {
  it('may everything of everybody', async (t) => {
    const bench = await boundBench(t, 'path');
    for (const path of ['/one/api/v2/alerts', '/two/api/v2/alerts', '/metrics', '/'])
      assert.equal((await bench.get(path, as('admin'))).status, 200, path);
    assert.equal((await bench.send('POST', '/-/reload', undefined, as('admin'))).status, 200);
    assert.equal((await bench.get('/three/api/v2/alerts', as('admin'))).status, 404);
  });
});

describe('bindings in the web configuration', () => {
  for (const [what, text, expected] of [
    ['a user that nobody is', 'admins: {users: [a]}', /admins\.users\.0: is none of basic_auth_users/],
    ['names of certificates that are not checked', 'admins: {sans: [a]}', /admins.*sans.*client_auth_type/],
    [
      'ServiceAccounts without Kubernetes',
      'tenants: {a: {service_accounts: [n/a]}}',
      /tenants\.a.*kubernetes\.enabled/,
    ],
    ['an unknown key', 'tenants: {a: {user: [b]}}', /tenants.*one key is none of these/],
    ['a bad name', 'tenants: {a/b: {}}', /tenants.*the name of a tenant/],
    ['a file without a token', 'admins: {credentials_files: [none]}', /admins\.credentials_files\.0: no such file/],
  ] as const)
    it(`are refused for ${what}`, () => {
      const loaded = loadWebConfig('/web/web.yml', (path) => (path === '/web/web.yml' ? text : readFile(path)));
      assert.ok('problems' in loaded);
      assert.match(loaded.problems.join('\n'), expected);
    });
});
