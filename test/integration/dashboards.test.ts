import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, mkdtempDisposable, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { dashboardFile, makeDashboard } from '../../dashboards/make.ts';
import { walk } from '../../src/promql/expression.ts';
import { readExpression } from '../../src/promql/read-expression.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { alertmanagerPrograms, startAlertmanager } from '../support/alertmanager-server.ts';
import { read, root } from '../support/documentation.ts';
import { freePort } from '../support/free-port.ts';
import { prometheusPrograms, startPrometheus } from '../support/prometheus-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

/** The queries of the committed dashboard, with values for the variables of Grafana. */
const queries = (JSON.parse(read(`dashboards/${dashboardFile}`)) as { panels: readonly Panel[] }).panels.flatMap(
  ({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({
      name: `${title}, ${refId}`,
      expr: expr.replaceAll(/\$__(?:rate_interval|range)\b/g, '1m').replaceAll(/\$(?:instance|prometheus)\b/g, '.+'),
    })),
);

describe('dashboards/', () => {
  it('is what npm run dashboards makes', () => {
    assert.equal(read(`dashboards/${dashboardFile}`), makeDashboard());
    assert.deepEqual(globSync('dashboards/*.json', { cwd: root }), [`dashboards/${dashboardFile}`]);
  });

  it('has queries, each with a value for every variable', () => {
    assert.ok(queries.length > 50, `${queries.length}`);
    for (const { name, expr } of queries) assert.doesNotMatch(expr, /\$/, name);
  });

  it('has queries that promtool can read', { skip: skipWithout('promtool') }, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'tocsin-dashboards-'));
    const file = join(folder.path, 'queries.yml');
    const rules = queries.map(({ expr }, index) => ({ record: `panel:query:${index}`, expr }));
    await writeFile(file, stringify({ groups: [{ name: 'queries', rules }] }));
    const { status, stdout, stderr } = spawnSync(requireServer('promtool'), ['check', 'rules', file]);
    assert.equal(status, 0, `${String(stdout)}${String(stderr)}`);
  });
});

const skip =
  skipWithout(prometheusPrograms['3.15']) ||
  skipWithout(prometheusPrograms['2.42']) ||
  skipWithout(alertmanagerPrograms['0.34']);

describe('what dashboards and rules ask for', { skip }, () => {
  let folder: string;
  let tocsin: TocsinProcess;
  let inCluster: TocsinProcess;
  let prometheus: ServerProcess;
  let older: ServerProcess;
  let alertmanager: ServerProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-dashboards-'));
    const port = await freePort();
    const { url, log } = { url: `http://127.0.0.1:${port}`, log: '--log.level=warn' };
    alertmanager = await startAlertmanager();
    tocsin = await startTocsin({ args: [`--prometheus.url=${url}`, log] });
    inCluster = await startInCluster(folder);
    older = await startPrometheus({ version: '2.42', rules: failingRule, alertmanagers: [tocsin.address] });
    prometheus = await startPrometheus({
      port,
      rules: failingRule,
      scrapeTargets: [tocsin, inCluster, alertmanager, older].map(({ address }) => address).concat(`127.0.0.1:${port}`),
      alertmanagers: [tocsin.address, alertmanager.address],
    });
    await postAlerts(tocsin.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
  });

  after(async () => {
    await Promise.all([prometheus, older, inCluster, tocsin, alertmanager].map((server) => server?.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  it('is there, in a Tocsin that has received an alert, in Prometheus 3.15 and 2.42, in Alertmanager', async () => {
    const asked = [...queries, ...rulesOf('alert-path', 'tocsin')];
    const metrics = new Set(asked.flatMap(({ expr }) => metricsIn(expr)));
    const ofPrometheus = [...metrics].filter((name) => name.startsWith('prometheus_'));
    assert.ok(metrics.size > 50, `${metrics.size}`);
    assert.ok(ofPrometheus.length > 5);

    await eventuallyThere([...metrics], [tocsin, inCluster, prometheus, alertmanager]);
    await eventuallyThere(ofPrometheus, [older]);
  });

  it('is what Prometheus answers to every panel, unless the panel shows only what is wrong', async () => {
    const ask = async (expr: string): Promise<readonly unknown[]> => {
      const response = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const { data, error } = (await response.json()) as { data?: { result: readonly unknown[] }; error?: string };
      assert.equal(error, undefined, expr);
      return data!.result;
    };
    // Two scrapes of each target make a rate.
    await eventually(
      () => ask('count(count_over_time(up[1m]) > 2)'),
      ([count]) => (count as { value: [number, string] } | undefined)?.value[1] === '5',
    );
    const silent: string[] = [];
    for (const { name, expr } of queries)
      if (!/> 0\)?$/.test(expr) && (await ask(expr)).length === 0) silent.push(`${name}: ${expr}`);
    assert.deepEqual(silent, []);
  });
});

/** Fails at each evaluation: a join with many series on both sides. */
const failingRule = stringify({
  groups: [
    {
      name: 'failing',
      rules: [
        {
          alert: 'Fails',
          expr: '{__name__=~"up|scrape_duration_seconds"} * on () {__name__=~"up|scrape_duration_seconds"}',
        },
      ],
    },
  ],
});

/** A Tocsin whose cluster does not answer: it has every metric of a cluster, and never becomes ready. */
async function startInCluster(folder: string): Promise<TocsinProcess> {
  const kubeconfig = join(folder, 'kubeconfig');
  const cluster = { name: 'away', cluster: { server: `http://127.0.0.1:${await freePort()}` } };
  const context = { name: 'away', context: { cluster: 'away', user: 'nobody' } };
  const users = [{ name: 'nobody', user: {} }];
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    contexts: [context],
    users,
    'current-context': 'away',
  };
  await writeFile(kubeconfig, stringify(content));
  return startTocsin({
    args: [`--kubeconfig=${kubeconfig}`, '--log.level=error'],
    isReady: (url) =>
      fetch(url.replace(/ready$/, 'healthy')).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
}

/** Prometheus knows its Alertmanagers, and has counters for them, five seconds after its start. */
async function eventuallyThere(metrics: readonly string[], servers: readonly ServerProcess[]): Promise<void> {
  const missing = async (): Promise<readonly string[]> => {
    const pages = await Promise.all(servers.map(namesAt));
    return metrics.filter((name) => !pages.some((page) => page.has(name)));
  };
  await eventually(missing, ({ length }) => length === 0);
}

/** The names of all series, as a query names them. */
async function namesAt({ url }: { readonly url: string }): Promise<ReadonlySet<string>> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const names = new Set<string>();
  for (const [, name = '', type] of page.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) names.add(`${name}${suffix}`);
  return names;
}

function metricsIn(expr: string): readonly string[] {
  const found = readExpression(expr);
  assert.ok('expression' in found, expr);
  return [...walk(found.expression)].flatMap((part) => (part.type === 'selector' ? [part.name!] : []));
}

function rulesOf(...groups: readonly string[]): readonly { readonly name: string; readonly expr: string }[] {
  return groups.flatMap((group) => {
    const file = parse(read(`rules/${group}.yml`)) as {
      groups: readonly { rules: readonly { alert: string; expr: string }[] }[];
    };
    return file.groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ name: alert, expr })));
  });
}
