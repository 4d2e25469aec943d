import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { loadWebConfig } from '../server/web/load-web-config.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { alert, silence, tenantsBench, type TenantsBench } from './tenants.fixture.ts';

const tenants = 'by: label, list: [{name: one, pipelines: {folder: one}}, {name: two, pipelines: {folder: two}}]';

const configuration = `tenants: {${tenants}}`;

const of = (cluster: string, alertname = 'A'): object => alert(alertname, { cluster });

function silenceOf(...clusters: readonly string[]): object {
  const matchers = clusters.map((value) => ({ name: 'cluster', value, isRegex: false, isEqual: true }));
  const given = silence('A') as { readonly matchers: readonly object[] };
  return { ...given, matchers: [...given.matchers, ...matchers] };
}

const post = (bench: TenantsBench, body: unknown, path = '/api/v2/alerts'): Promise<Response> =>
  bench.send('POST', path, body);

describe('an alert that names its tenant by a label', () => {
  it('is of that tenant alone, and wakes its pipelines alone', async (t) => {
    const bench = await tenantsBench(t, configuration);
    assert.equal((await post(bench, [of('one', 'TraceGatewayThrottling'), of('two', 'B')])).status, 200);
    assert.deepEqual(await bench.alerts('/one'), ['TraceGatewayThrottling']);
    assert.deepEqual(await bench.alerts('/two'), ['B']);
    await eventually(
      () => bench.statusOf('one'),
      (status) => status.includes('GatewayThrottling'),
    );
    assert.doesNotMatch(bench.statusOf('two'), /GatewayThrottling/);
  });

  it('is invalid without the label or of an unknown tenant, and the others of its batch are taken', async (t) => {
    const bench = await tenantsBench(t, configuration);
    const answer = await post(bench, [alert('None'), of('one'), of('three'), of('two')]);
    assert.equal(answer.status, 400);
    const problems = (JSON.parse(await answer.text()) as string).split('\n');
    assert.deepEqual(problems, [
      'alert 0: it has no label cluster, which names its tenant',
      'alert 2: its label cluster is "three", which is no tenant of the sender',
    ]);
    assert.deepEqual(await bench.alerts(''), ['A', 'A']);
    assert.equal(await bench.metric('tocsin_tenant_unknown_total'), 2);
    assert.equal(bench.logger.linesOf('tenant.unknown').length, 2);
  });

  it('that breaks another rule is named by its place in the whole batch', async (t) => {
    const bench = await tenantsBench(t, configuration);
    const bad = { ...of('two'), startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' };
    const answer = await post(bench, [of('one'), of('two'), bad]);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /alert 2: /);
    assert.deepEqual(await bench.alerts('/two'), ['A']);
  });

  it('is stored with none of its batch if the schema does not hold', async (t) => {
    const bench = await tenantsBench(t, configuration);
    assert.equal((await post(bench, [of('one'), { labels: 7 }])).status, 400);
    assert.deepEqual(await bench.alerts(''), []);
  });

  it('goes to tenants.default where that is set', async (t) => {
    const bench = await tenantsBench(t, `tenants: {default: two, ${tenants}}`);
    assert.equal((await post(bench, [alert('None'), of('one'), of('three', 'C')])).status, 200);
    assert.deepEqual(await bench.alerts('/two'), ['C', 'None']);
  });

  it('comes from an Alertmanager as well', async (t) => {
    const bench = await tenantsBench(t, configuration);
    const body = {
      version: '4',
      groupKey: '{}',
      status: 'firing',
      receiver: 'r',
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: '',
      truncatedAlerts: 0,
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'W', cluster: 'two' },
          annotations: {},
          startsAt: '2026-01-01T00:00:00Z',
          endsAt: '0001-01-01T00:00:00Z',
        },
      ],
    };
    assert.equal((await post(bench, body, '/webhook')).status, 200);
    assert.deepEqual(await bench.alerts('/two'), ['W']);
    assert.deepEqual(await bench.alerts('/one'), []);
  });
});

describe('a silence where a label names the tenants', () => {
  it('is of the tenant that its equality matcher names, and listed among all', async (t) => {
    const bench = await tenantsBench(t, configuration);
    await post(bench, [of('one'), of('two')]);
    assert.equal((await post(bench, silenceOf('two'), '/api/v2/silences')).status, 200);
    const states = JSON.parse((await bench.get('/api/v2/alerts')).body) as readonly {
      readonly labels: { readonly cluster: string };
      readonly status: { readonly state: string };
    }[];
    const byTenant = Object.fromEntries(states.map(({ labels, status }) => [labels.cluster, status.state]));
    assert.deepEqual(byTenant, { one: 'active', two: 'suppressed' });
    const listed = JSON.parse((await bench.get('/api/v2/silences')).body) as readonly { readonly id: string }[];
    assert.equal(listed.length, 1);
    assert.equal((await bench.get('/one/api/v2/silences')).body, '[]\n');
    assert.equal((await bench.send('DELETE', `/api/v2/silence/${listed[0]!.id}`)).status, 200);
    assert.match((await bench.get(`/api/v2/silence/${listed[0]!.id}`)).body, /"expired"/);
  });

  for (const [what, given] of [
    ['without such a matcher', []],
    ['of two tenants', ['one', 'two']],
    ['of an unknown one', ['three']],
  ] as const)
    it(`is refused ${what}, and told what to do`, async (t) => {
      const bench = await tenantsBench(t, configuration);
      const answer = await post(bench, silenceOf(...given), '/api/v2/silences');
      assert.equal(answer.status, 400);
      assert.match(await answer.text(), /cluster=/);
      assert.equal((await bench.get('/api/v2/silences')).body, '[]\n');
    });
});

const tokens: Readonly<Record<string, string>> = { one: 'token-of-one', admin: 'token-of-admin' };

async function boundBench(t: TestContext): Promise<TenantsBench> {
  const readFile = (path: string): string => {
    const text = 'tenants: {one: {credentials_files: [one.token]}}\nadmins: {credentials_files: [admin.token]}\n';
    return path === '/web/web.yml' ? text : (tokens[/(\w+)\.token$/.exec(path)?.[1] ?? ''] ?? '');
  };
  const loaded = loadWebConfig('/web/web.yml', readFile);
  assert.ok('settings' in loaded, 'problems' in loaded ? loaded.problems.join('\n') : '');
  const configSource = { file: '/web/web.yml', ...loaded, readFile, load: loadWebConfig };
  return tenantsBench(t, configuration, { routePrefix: '', configSource });
}

describe('a sender that is bound to one tenant, where a label names it', () => {
  const as = (who: string): Record<string, string> => ({ Authorization: `Bearer token-of-${who}` });

  it('reads, wakes and silences that one alone, whatever its alerts say', async (t) => {
    const bench = await boundBench(t);
    assert.equal((await bench.send('POST', '/api/v2/alerts', [of('one'), of('two', 'B')], as('admin'))).status, 200);
    const answer = await bench.send('POST', '/api/v2/alerts', [of('one', 'C'), of('two', 'D'), of('three')], as('one'));
    assert.equal(answer.status, 400);
    const [two, three] = (JSON.parse(await answer.text()) as string).split('\n');
    assert.equal(two, 'alert 1: its label cluster is "two", which is no tenant of the sender');
    assert.equal(three, two.replace('alert 1', 'alert 2').replace('two', 'three'));
    assert.deepEqual(await bench.alerts('', as('one')), ['A', 'C']);
    assert.deepEqual(await bench.alerts('', as('admin')), ['A', 'B', 'C']);
    assert.equal((await bench.send('POST', '/api/v2/silences', silenceOf('two'), as('one'))).status, 400);
    const own = await bench.send('POST', '/api/v2/silences', silenceOf('two'), as('admin'));
    const { silenceID } = (await own.json()) as { readonly silenceID: string };
    assert.equal((await bench.get('/api/v2/silences', as('one'))).body, '[]\n');
    assert.equal((await bench.get(`/api/v2/silence/${silenceID}`, as('one'))).status, 404);
    assert.equal((await bench.send('DELETE', `/api/v2/silence/${silenceID}`, undefined, as('one'))).status, 404);
    assert.equal((await bench.get('/two/api/v2/alerts', as('one'))).status, 403);
    assert.equal((await bench.get('/api/v2/alerts')).status, 401);
  });
});

describe('the configuration of tenants by label', () => {
  it('names a default that exists', async (t) => {
    const bench = await tenantsBench(t, configuration);
    const problems = await bench.reload(`tenants: {default: three, ${tenants}}`);
    assert.deepEqual(problems, ['tenants.default: found three, allowed: the name of a tenant, or null']);
  });
});
