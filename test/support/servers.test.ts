import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAlertmanager } from './alertmanager-server.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from './prometheus-server.ts';
import { startScrapeTarget } from './scrape-target.ts';
import type { ServerProcess } from './server-process.ts';
import { findServer, requireServer, skipWithout } from './servers.ts';

let dir: string;
before(async () => void (dir = await mkdtemp(join(tmpdir(), 'servers-test-'))));
after(() => rm(dir, { recursive: true }));

describe('findServer', () => {
  const emptyCache = { PATH: process.env['PATH'], TOCSIN_SERVERS: '/nonexistent' };

  it('finds nothing in an empty cache, and builds nothing', async () => {
    const cache = join(dir, 'cache');
    assert.equal(findServer('etcd', { ...emptyCache, TOCSIN_SERVERS: cache }), undefined);
    assert.equal((await readdir(dir)).includes('cache'), false);
  });

  it('gives a reason to skip that names the remedy', () => {
    assert.equal(skipWithout('etcd', emptyCache), 'etcd is not built here: npm run servers');
  });

  it('does not let a test be skipped where CI=true, and fails it instead', () => {
    assert.equal(skipWithout('etcd', { ...emptyCache, CI: 'true' }), false);
    assert.throws(() => findServer('etcd', { ...emptyCache, CI: 'true' }), /etcd is not built here: npm run servers/);
  });

  it('finds a program that is there', { skip: skipWithout('promtool') }, () => {
    assert.match(findServer('promtool') ?? '', /^\/.*\/promtool$/);
    assert.equal(skipWithout('promtool'), false);
    assert.equal(requireServer('promtool'), findServer('promtool'));
  });
});

describe('startPrometheus', () => {
  for (const version of ['3.15', '2.42'] satisfies PrometheusVersion[]) {
    it(`starts and stops ${version}`, { skip: skipWithout(prometheusPrograms[version]) }, async () => {
      const server = await startPrometheus({ dir, version, routePrefix: '/prometheus' });
      const { data } = await getJson<BuildInfo>(`${server.url}/api/v1/status/buildinfo`);
      await assertStopsWithoutTrace(server);
      assert.equal(data.version.slice(0, version.length), version);
    });
  }

  it('says why it did not start', { skip: skipWithout('prometheus') }, async () => {
    const starting = startPrometheus({ dir, rules: 'groups: [{name: broken, rules: [{alert: A, expr: "1 +"}]}]' });
    await assert.rejects(starting, /prometheus ended \(\d\) before it was ready; its last lines:\n[^]*parse error/);
    assert.deepEqual(await readdir(dir), []);
  });
});

describe('startAlertmanager', { skip: skipWithout('alertmanager') }, () => {
  it('starts and stops', async () => {
    const server = await startAlertmanager({ dir });
    const { versionInfo } = await getJson<AlertmanagerStatus>(`${server.url}/api/v2/status`);
    await assertStopsWithoutTrace(server);
    assert.match(versionInfo.version, /^0\.34\./);
  });
});

describe('startScrapeTarget', { skip: skipWithout('prometheus') || skipWithout('alertmanager') }, () => {
  it('breaks and heals, which Prometheus tells the Alertmanagers', async (test) => {
    const target = await startScrapeTarget();
    test.after(() => target.stop());
    const alertmanager = await startAlertmanager({ dir, routePrefix: '/alertmanager' });
    test.after(() => alertmanager.stop());
    const prometheus = await startPrometheus({
      dir,
      rules: 'groups: [{ name: instances, rules: [{ alert: InstanceDown, expr: up == 0 }] }]',
      scrapeTargets: [target.address],
      alertmanagers: [alertmanager.address],
      pathPrefix: '/alertmanager',
      resendDelay: '2s',
    });
    test.after(() => prometheus.stop());
    const alerts = (): Promise<Alert[]> => getJson<Alert[]>(`${alertmanager.url}/api/v2/alerts`);
    const up = (): Promise<QueryResult> => getJson<QueryResult>(`${prometheus.url}/api/v1/query?query=up==1`);

    await eventually(up, ({ data }) => data.result.length === 1);
    assert.deepEqual(await alerts(), []);
    target.breakDown();
    const [alert] = await eventually(alerts, ({ length }) => length === 1);
    assert.deepEqual(alert?.labels, { alertname: 'InstanceDown', instance: target.address, job: 'target' });
    target.heal();
    await eventually(alerts, ({ length }) => length === 0);
  });
});

interface BuildInfo {
  readonly data: { readonly version: string };
}

interface AlertmanagerStatus {
  readonly versionInfo: { readonly version: string };
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
}

interface QueryResult {
  readonly data: { readonly result: readonly unknown[] };
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return (await response.json()) as T;
}

async function assertStopsWithoutTrace(server: ServerProcess): Promise<void> {
  await server.stop();
  assert.throws(() => process.kill(server.child.pid, 0), { code: 'ESRCH' });
  await assert.rejects(fetch(server.url), 'the port is closed');
  assert.deepEqual(await readdir(dir), []);
}
