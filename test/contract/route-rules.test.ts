import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { distinctRoutes } from '../../src/routes/distinct-routes.ts';
import { objectNames } from '../../src/routes/object-names.ts';
import { readOpenApi } from '../../src/routes/read-open-api.ts';
import { readProto } from '../../src/routes/read-proto.ts';
import { metricsForms, type MetricsForm } from '../../src/routes/route-queries.ts';
import { routeRules, type RouteRuleOptions } from '../../src/routes/route-rules.ts';
import { serviceDestination, type Route } from '../../src/routes/route.ts';
import { requireServer, skipWithout, type ServerName } from '../support/servers.ts';

const versions = ['promtool', 'promtool-2.42'] as const satisfies readonly ServerName[];

const options: Omit<RouteRuleOptions, 'form'> = {
  destination: serviceDestination('webapp', 'booksapp', 'cluster.local'),
  thresholds: {
    success: 0.9,
    rps: 50,
    latency: new Map([['0.99', 500]]),
    minRps: 0.1,
    window: 300_000,
    rpsWindow: 300_000,
    for: 120_000,
  },
  pipeline: { type: undefined, name: undefined },
  severity: 'warning',
  successAlert: 'RouteSuccessRateLow',
  runbookUrl: 'docs/route-rules.md',
};

let folder: string;
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'route-rules-'))));
after(() => rm(folder, { recursive: true, force: true }));

for (const version of versions) {
  describe(`rules of routes, in ${version}`, { skip: skipWithout(version) }, () => {
    it('are accepted whatever the paths of an API hold, and no two are the same', async () => {
      const files = fc.sample(apis, { numRuns: 30, seed: 42 }).flatMap((api, index) => {
        const { routes } = distinctRoutes(readOpenApi({ name: 'api', text: JSON.stringify(api) }).routes, true);
        return metricsForms.map(async (form) => {
          const file = join(folder, `${version}-${form}-${index}.yml`);
          const group = routeRules(routes, { ...options, form, severity: '{{ x', runbookUrl: '}}{{"' });
          await writeFile(file, stringify({ groups: [group] }, { lineWidth: 0 }));
          return file;
        });
      });
      const paths = await Promise.all(files);
      promtool(version, ['check', 'rules', '--lint=all', '--lint-fatal', ...paths]);
    });

    for (const form of metricsForms) {
      it(`fire for bad routes and are silent for good ones, from the metrics of ${form}`, async () => {
        const api = { paths: Object.fromEntries(Object.keys(scenes).map((name) => [`/${name}`, { get: {} }])) };
        const { routes } = readOpenApi({ name: 'api', text: JSON.stringify(api) });
        const names = objectNames(routes);
        const series = routes.flatMap((route) => seriesOf(form, route.name.slice('GET /'.length), route, names));
        await assertFiring(version, form, routes, series);
      });
    }

    it('fire for an rpc that fails, and not for one that finds nothing', async () => {
      const text =
        'service S { rpc FailsAlways (M) returns (M); rpc FindsNothing (M) returns (M); rpc TimesOut (M) returns (M); }';
      const { routes } = readProto({ name: 'p', text });
      const labels = 'parent_kind="Service",parent_namespace="booksapp",parent_name="webapp",route_kind="GRPCRoute"';
      const series = [
        ['s-fails-always', 'grpc_status="UNAVAILABLE"'],
        ['s-finds-nothing', 'grpc_status="NOT_FOUND"'],
        ['s-times-out', 'grpc_status="OK",error="RESPONSE_STREAM_TIMEOUT"'],
      ].map(([name, status]) =>
        counter(`outbound_grpc_route_request_statuses_total{${labels},route_name="${name}",${status}}`, 60),
      );
      const group = routeRules(routes, { ...options, form: 'gateway' });
      await testRules(version, [group], series, ['RouteSuccessRateLow/FailsAlways', 'RouteSuccessRateLow/TimesOut']);
    });

    it('say what is wrong, with the braces of a name as they are', async () => {
      const { routes } = readOpenApi({ name: 'api', text: '{"paths": {"/{{ id }}": {"get": {}}}}' });
      const group = routeRules(routes, { ...options, form: 'linkerd' });
      const series = seriesOf('linkerd', 'fails-always', routes[0]!, new Map());
      const labels = {
        namespace: 'booksapp',
        dst: 'webapp.booksapp.svc.cluster.local:7000',
        rt_route: 'GET /{{ id }}',
      };
      await runTests(version, [group], {
        interval: '1m',
        input_series: series,
        alert_rule_test: [
          {
            eval_time: '20m',
            alertname: 'RouteSuccessRateLow',
            exp_alerts: [
              {
                exp_labels: { ...labels, severity: 'warning', route: 'GET /{{ id }}' },
                exp_annotations: {
                  summary: 'GET /{{ id }} of webapp.booksapp: 100% of the requests fail',
                  description: 'More than 10% of the requests to GET /{{ id }} of webapp.booksapp failed within 5m.',
                  runbook_url: 'docs/route-rules.md#routesuccessratelow',
                },
              },
            ],
          },
        ],
      });
    });
  });
}

/** Requests a minute to a route, by what becomes of them; the ends are the alerts that have to fire. */
interface Scene {
  readonly good?: number;
  readonly bad?: number;
  readonly isSlow?: boolean;
  readonly fires?: readonly string[];
}

const scenes: Readonly<Record<string, Scene>> = {
  'fails-always': { bad: 60, fires: ['RouteSuccessRateLow'] },
  'fails-sometimes': { good: 48, bad: 12, fires: ['RouteSuccessRateLow'] },
  'fails-rarely': { good: 57, bad: 3 },
  'works-always': { good: 60 },
  'fails-but-is-hardly-used': { bad: 1 },
  'is-not-used': {},
  'is-slow': { good: 60, isSlow: true, fires: ['RouteLatencyHigh'] },
  'is-slow-but-is-hardly-used': { good: 1, isSlow: true },
  'is-busy': { good: 6000, fires: ['RouteRequestRateHigh'] },
};

async function assertFiring(
  version: ServerName,
  form: MetricsForm,
  routes: readonly Route[],
  series: readonly object[],
): Promise<void> {
  const expected = Object.entries(scenes).flatMap(([name, { fires = [] }]) =>
    fires.map((alert) => `${alert}/GET /${name}`),
  );
  await testRules(version, [routeRules(routes, { ...options, form })], series, expected);
}

function seriesOf(
  form: MetricsForm,
  scene: string,
  route: Route,
  names: ReadonlyMap<Route, string>,
): readonly object[] {
  const { good = 0, bad = 0, isSlow = false } = scenes[scene]!;
  return form === 'linkerd'
    ? profileSeries(route, good, bad, isSlow)
    : gatewaySeries(names.get(route)!, good, bad, isSlow);
}

/** A counter that is not there is not 0: a route that only fails has no successes. */
function profileSeries({ name }: Route, good: number, bad: number, isSlow: boolean): readonly object[] {
  const labels = `namespace="booksapp",direction="inbound",dst="webapp.booksapp.svc.cluster.local:7000",rt_route=${JSON.stringify(name)}`;
  const all = good + bad;
  return [
    counter(`route_request_total{${labels}}`, all),
    counter(`route_response_total{${labels},classification="success",status_code="200"}`, good),
    counter(`route_response_total{${labels},classification="failure",status_code="503"}`, bad),
    counter(`route_response_latency_ms_bucket{${labels},le="100"}`, isSlow ? 0 : all, true),
    counter(`route_response_latency_ms_bucket{${labels},le="1000"}`, all),
    counter(`route_response_latency_ms_bucket{${labels},le="+Inf"}`, all),
  ].flat();
}

function gatewaySeries(name: string, good: number, bad: number, isSlow: boolean): readonly object[] {
  const labels = `parent_kind="Service",parent_namespace="booksapp",parent_name="webapp",parent_port="80",route_kind="HTTPRoute",route_namespace="booksapp",route_name="${name}"`;
  const metric = 'outbound_http_route_request';
  const all = good + bad;
  return [
    counter(`${metric}_statuses_total{${labels},http_status="200"}`, good),
    // Without a status, and with one: both are failures.
    counter(`${metric}_statuses_total{${labels},error="REQUEST_TIMEOUT"}`, bad / 2),
    counter(`${metric}_statuses_total{${labels},http_status="503"}`, bad / 2),
    counter(`${metric}_duration_seconds_bucket{${labels},le="0.5"}`, isSlow ? 0 : all, true),
    counter(`${metric}_duration_seconds_bucket{${labels},le="1.0"}`, all),
    counter(`${metric}_duration_seconds_bucket{${labels},le="+Inf"}`, all),
  ].flat();
}

function counter(series: string, perMinute: number, isThereAtZero = false): readonly object[] {
  return perMinute === 0 && !isThereAtZero ? [] : [{ series, values: `0+${perMinute}x30` }];
}

/** Asserts which alerts fire after 20 minutes, as `ALERTNAME/ROUTE`, and that none fires before its `for` has passed. */
async function testRules(
  version: ServerName,
  groups: readonly object[],
  series: readonly object[],
  firing: readonly string[],
): Promise<void> {
  const samples = firing.map((each) => {
    const [, alertname, route] = /^(\w+)\/(.*)$/.exec(each)!;
    return { labels: `{alertname="${alertname}", route="${route}"}`, value: 1 };
  });
  const expr = 'count by (alertname, route) (ALERTS{alertstate="firing"})';
  await runTests(version, groups, {
    interval: '1m',
    input_series: series.flat(),
    promql_expr_test: [
      { expr, eval_time: '1m', exp_samples: [] },
      { expr, eval_time: '20m', exp_samples: samples },
    ],
  });
}

async function runTests(version: ServerName, groups: readonly object[], test: object): Promise<void> {
  const rules = join(folder, 'rules.yml');
  const tests = join(folder, 'tests.yml');
  await writeFile(rules, stringify({ groups }, { lineWidth: 0 }));
  await writeFile(
    tests,
    stringify({ rule_files: [rules], evaluation_interval: '1m', tests: [test] }, { lineWidth: 0 }),
  );
  promtool(version, ['test', 'rules', tests]);
}

function promtool(version: ServerName, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(requireServer(version), args, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

/** Paths of any text that is well-formed, templates of Go among it. */
const apis = fc.record(
  {
    paths: fc.dictionary(
      fc
        .array(
          fc.oneof(
            fc.constantFrom('{id}', '{{', '}}', '"', '\\', '\n', '`', '{{ .x }}', '$', '\0', "'"),
            fc.string({ unit: 'grapheme-composite' }),
          ),
          {
            maxLength: 5,
          },
        )
        .map((pieces) => `/${pieces.join('/')}`),
      fc.dictionary(fc.constantFrom('get', 'post', 'put'), fc.constant({}), { minKeys: 1 }),
      { minKeys: 1, maxKeys: 5 },
    ),
  },
  { noNullPrototype: true },
);
