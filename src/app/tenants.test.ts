import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from '../runtime/eventually.fixture.ts';
import { folderName } from './tenant-spine.ts';
import { alert, silence, tenantsBench } from './tenants.fixture.ts';

const tenant = (name: string, more = ''): string => `{name: ${name}, pipelines: {folder: ${name}}${more}}`;
const byPath = (...list: readonly string[]): string => `tenants: {by: path, list: [${list.join(', ')}]}`;
const both = byPath(tenant('one'), tenant('two'));

describe('tenants by path', () => {
  it('have alerts, silences and pipelines of their own, at each of their paths', async (t) => {
    const bench = await tenantsBench(t, both);
    for (const [path, name] of [
      ['/one', 'A'],
      ['/one/alertmanager', 'B'],
      ['/one/prom/alertmanager', 'C'],
    ] as const)
      assert.equal((await bench.send('POST', `${path}/api/v2/alerts`, [alert(name)])).status, 200);
    assert.deepEqual(await bench.alerts('/one'), ['A', 'B', 'C']);
    assert.deepEqual(await bench.alerts('/two'), []);

    const posted = await bench.send('POST', '/one/api/v2/silences', silence('TraceGatewayThrottling'));
    const { silenceID } = (await posted.json()) as { readonly silenceID: string };
    assert.equal((await bench.get(`/one/api/v2/silence/${silenceID}`)).status, 200);
    assert.equal((await bench.get(`/two/api/v2/silence/${silenceID}`)).status, 404);
    assert.equal((await bench.send('DELETE', `/two/api/v2/silence/${silenceID}`)).status, 404);

    for (const path of ['/one', '/two'])
      await bench.send('POST', `${path}/api/v2/alerts`, [alert('TraceGatewayThrottling')]);
    await eventually(
      () => bench.statusOf('two'),
      (status) => status.includes('GatewayThrottling'),
    );
    assert.match(bench.statusOf('one'), /FlowHealthy/);
    assert.doesNotMatch(bench.statusOf('one'), /GatewayThrottling/);
    assert.match(bench.statusOf('two'), /name: two/);
  });

  it('have a page, an API and a history of their own', async (t) => {
    const bench = await tenantsBench(t, both);
    await bench.send('POST', '/one/api/v2/alerts', [alert('A')]);
    await bench.send('POST', '/two/api/v2/alerts', [alert('B')]);
    await eventually(
      () => bench.get('/one/api/tocsin/v1/history'),
      ({ body }) => body.includes('"A"'),
    );
    assert.doesNotMatch((await bench.get('/one/api/tocsin/v1/history')).body, /"B"|two/);
    assert.match((await bench.get('/one/api/tocsin/v1/status')).body, /"route_prefix":"\/one"/);
    assert.deepEqual((await bench.get('/one')).status, 301);
    const { body } = await bench.get('/');
    assert.match(body, /<a href="one\/">one<\/a> ready[\s\S]*<a href="two\/">two<\/a> ready/);
  });

  it('leave the process its paths, and get none of them', async (t) => {
    const bench = await tenantsBench(t, both);
    for (const path of ['/-/healthy', '/-/ready', '/metrics', '/one/-/ready'])
      assert.equal((await bench.get(path)).status, 200, path);
    for (const path of ['/one/metrics', '/one/-/reload']) assert.equal((await bench.get(path)).status, 404, path);
    assert.equal((await bench.send('POST', '/-/reload')).status, 200);
    assert.equal((await bench.send('POST', '/one/-/reload')).status, 404);
  });

  it('are refused in the JSON of Alertmanager if they do not exist, and get no state', async (t) => {
    const bench = await tenantsBench(t, both);
    const unknown = { code: 404, message: 'there is no such tenant' };
    for (const path of ['/three', '/Two', '/one%2F..%2Ftwo', '/..%2Fone', '/%ff', `/${'x'.repeat(200)}`]) {
      const { status, body } = await bench.get(`${path}/api/v2/alerts`);
      assert.deepEqual([status, JSON.parse(body)], [404, unknown], path);
    }
    const { status, body } = await bench.get('/api/v2/alerts');
    assert.deepEqual(
      [status, (JSON.parse(body) as { message: string }).message.slice(0, 24)],
      [404, 'the path names no tenant'],
    );
    assert.equal(await bench.metric('tocsin_tenant_unknown_total'), 6);
    assert.deepEqual(readdirSync(join(bench.folder, 'data', 'tenants')).toSorted(), ['one', 'two']);
    assert.doesNotMatch((await bench.get('/metrics')).body, /three/);
  });

  it('may be escaped in a path, as a browser does', async (t) => {
    const bench = await tenantsBench(t, `tenants: {by: path, list: [{name: "a(b)!'*"}]}`);
    for (const path of ["/a(b)!'*", '/a%28b%29%21%27%2A']) assert.deepEqual(await bench.alerts(path), [], path);
    assert.equal(existsSync(join(bench.folder, 'data', 'tenants', 'a%28b%29%21%27%2A')), true);
  });
});

describe('tenants by header', () => {
  const byHeader = `tenants: {by: header, list: [${tenant('one')}, ${tenant('two')}]}`;
  const of = (name: string): Record<string, string> => ({ 'X-Scope-OrgID': name });

  it('are found at the plain paths and those of Cortex', async (t) => {
    const bench = await tenantsBench(t, byHeader);
    for (const [path, name] of [
      ['', 'A'],
      ['/alertmanager', 'B'],
      ['/prom/alertmanager', 'C'],
    ] as const)
      assert.equal((await bench.send('POST', `${path}/api/v2/alerts`, [alert(name)], of('one'))).status, 200);
    assert.deepEqual(await bench.alerts('', of('one')), ['A', 'B', 'C']);
    assert.deepEqual(await bench.alerts('/alertmanager', of('two')), []);
  });

  it('are asked for with 401, and refused with 404 if they do not exist', async (t) => {
    const bench = await tenantsBench(t, byHeader);
    assert.deepEqual(await bench.get('/api/v2/alerts'), { status: 401, body: '"no org id"\n' });
    assert.equal((await bench.get('/api/v2/alerts', of('three'))).status, 404);
    assert.equal((await bench.get('/api/v2/alerts', of('../one'))).status, 404);
    assert.equal((await bench.get('/one/api/v2/alerts', of('two'))).status, 404);
    assert.equal((await bench.get('/-/ready')).status, 200);
    assert.equal((await bench.get('/metrics')).status, 200);
  });
});

describe('a reload with tenants', () => {
  it('touches the tenant that has changed, and no other', async (t) => {
    const bench = await tenantsBench(t, both);
    for (const path of ['/one', '/two']) await bench.send('POST', `${path}/api/v2/alerts`, [alert('A')]);
    assert.deepEqual(await bench.reload(byPath(tenant('one', ', limits: {max_alerts_count: 1}'), tenant('two'))), []);
    assert.equal(await bench.metric('tocsin_tenant_compiles_total'), 3);
    assert.deepEqual(bench.logger.valuesOf('tenant.changed', 'tenant'), [['one']]);
    for (const path of ['/one', '/two'])
      for (const name of ['A', 'B']) await bench.send('POST', `${path}/api/v2/alerts`, [alert(name)]);
    assert.deepEqual(await bench.alerts('/one'), ['A']);
    assert.deepEqual(await bench.alerts('/two'), ['A', 'B']);
  });

  it('adds and removes tenants, and what a removed one has stored stays', async (t) => {
    const bench = await tenantsBench(t, both);
    await bench.send('POST', '/two/api/v2/silences', silence('A'));
    await bench.reload(byPath(tenant('one'), tenant('three')));
    assert.equal((await bench.get('/two/api/v2/alerts')).status, 404);
    await eventually(
      () => bench.get('/three/api/v2/alerts'),
      ({ status }) => status === 200,
    );
    await bench.reload(both);
    const { body } = await eventually(
      () => bench.get('/two/api/v2/silences'),
      ({ status }) => status === 200,
    );
    assert.match(body, /"value":"A"/);
  });

  it('starts a tenant anew whose pipelines live elsewhere', async (t) => {
    const bench = await tenantsBench(t, both);
    await bench.send('POST', '/two/api/v2/alerts', [alert('A')]);
    await bench.reload(byPath('{name: one, pipelines: {folder: three}}', tenant('two')));
    await eventually(
      () => bench.statusOf('one'),
      (status) => status.includes('name: three'),
    );
    assert.deepEqual(await bench.alerts('/two'), ['A']);
    assert.deepEqual(bench.logger.valuesOf('tenant.restarting', 'tenant'), [['one']]);
  });

  it('changes nothing if one tenant is bad', async (t) => {
    const bench = await tenantsBench(t, both);
    const [problem] = await bench.reload(byPath(tenant('one', ', prometheus: {timeout: never}'), tenant('three')));
    assert.match(problem ?? '', /tenants\.list\.0\.prometheus\.timeout/);
    assert.equal((await bench.get('/three/api/v2/alerts')).status, 404);
    assert.deepEqual(await bench.alerts('/two'), []);
  });
});

describe('a tenant that cannot start', () => {
  it('says why, and the others start', async (t) => {
    const bench = await tenantsBench(t, byPath(tenant('one'), '{name: two, pipelines: {folder: nowhere}}'));
    assert.deepEqual(await bench.alerts('/one'), []);
    const { status, body } = await bench.get('/two/api/v2/alerts');
    assert.equal(status, 503);
    assert.match(body, /the tenant two cannot start: .*nowhere/);
    assert.equal(await bench.metric('tocsin_tenants{state="not_ready"}'), 1);
    assert.equal((await bench.get('/-/ready')).status, 200);
  });
});

describe('the metrics of tenants', () => {
  it('are summed, and name none', async (t) => {
    const bench = await tenantsBench(t, both);
    for (const path of ['/one', '/two']) await bench.send('POST', `${path}/api/v2/alerts`, [alert('A')]);
    assert.equal(await bench.metric('tocsin_alerts_received_total{status="firing"}'), 2);
    assert.equal(await bench.metric('tocsin_alerts{state="active"}'), 2);
    assert.doesNotMatch((await bench.get('/metrics')).body, /tenant=|"two"/);
  });

  it('have the label tenant if that is asked for', async (t) => {
    const bench = await tenantsBench(t, both.replace('by: path', 'by: path, metrics: true'));
    await bench.send('POST', '/one/api/v2/alerts', [alert('A')]);
    assert.equal(await bench.metric('tocsin_alerts_received_total{status="firing",tenant="one"}'), 1);
    assert.equal(await bench.metric('tocsin_alerts_received_total{status="firing",tenant="two"}'), 0);
    assert.equal(await bench.metric('tocsin_alerts{state="active",tenant="one"}'), 1);
  });
});

describe('the folder of a tenant', () => {
  it('is its name where a shell and a disk take that, and never another folder', () => {
    assert.equal(folderName('team-a_1.b'), 'team-a_1.b');
    assert.equal(folderName('.a'), '%2Ea');
    assert.equal(folderName('*'), '%2A');
    const long = folderName(`${'!'.repeat(149)}a`);
    assert.ok(long.length <= 180);
    assert.notEqual(long, folderName(`${'!'.repeat(149)}b`));
  });
});
