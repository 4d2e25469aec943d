import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { runAsk } from './fake-api.fixture.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

let folder: string;
let api: string;
let protos: readonly string[];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-generate-'));
  api = fileOf('api.yml', 'swagger: "2.0"\npaths:\n  /a: {get: {responses: {200: {}, 503: {}}}}\n  /b: {post: {}}\n');
  protos = ['Trace', 'Metrics'].map((name) =>
    fileOf(
      `${name}.proto`,
      `package opentelemetry.proto.collector.${name.toLowerCase()}.v1; service ${name}Service { rpc Export (M) returns (M); }`,
    ),
  );
});
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string | Buffer): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function generate(...args: readonly string[]) {
  return runAsk('rules', ['generate', ...args], {});
}

async function written(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await generate(...args);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

function rulesOf(text: string): readonly Rule[] {
  const { groups } = parse(text) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

describe('tocsin rules generate', () => {
  it('writes a rule on success for each route, with a floor on traffic', async () => {
    const rules = rulesOf(await written('--open-api', api, '--service=shop', '-n', 'market'));
    assert.deepEqual(
      rules.map(({ alert, labels }) => [alert, labels['route'], labels['severity']]),
      [
        ['RouteSuccessRateLow', 'GET /a', 'warning'],
        ['RouteSuccessRateLow', 'POST /b', 'warning'],
      ],
    );
    assert.match(rules[0]!.expr, /dst=~"shop\\\\\.market\\\\\.svc\\\\\.cluster\\\\\.local\(:\\\\d\+\)\?"/);
    assert.match(rules[0]!.expr, /\[5m\]\)\)\n {2}> 0\.1\nand\n[^]* > 0\.1$/);
    assert.equal(rules[0]!.annotations['runbook_url'], 'docs/route-rules.md#routesuccessratelow');
  });

  it('takes every threshold and window from its flag', async () => {
    const flags = ['--p50=20ms', '--p95=1s', '--p99=2s', '--rps=7.5', '--success=0.995', '--min-rps=0', '--window=1m'];
    const more = [
      '--rps-window=2m',
      '--for=0s',
      '--severity=page',
      '--cluster-domain=corp.example',
      '--runbook-url=http://r/t',
    ];
    const rules = rulesOf(await written('--open-api', api, '--service=shop', ...flags, ...more));
    const [success, p50, p95, p99, rps] = rules;
    assert.equal(rules.length, 10);
    assert.match(
      success!.expr,
      /shop\\\\\.default\\\\\.svc\\\\\.corp\\\\\.example.*\[1m\]\)\)\n {2}> 0\.005\nand\n[^]* > 0$/s,
    );
    assert.deepEqual(
      [p50, p95, p99].map((rule) => [rule?.labels['quantile'], /> (\d+)\nand/.exec(rule!.expr)?.[1]]),
      [
        ['0.5', '20'],
        ['0.95', '1000'],
        ['0.99', '2000'],
      ],
    );
    assert.match(rps!.expr, /\[2m\]\)\) > 7\.5$/);
    assert.deepEqual([rps?.for, rps?.labels['severity']], ['0s', 'page']);
    assert.equal(rps?.annotations['runbook_url'], 'http://r/t/docs/route-rules.md#routerequestratehigh');
  });

  it('takes the service from a ServiceProfile', async () => {
    const profile = await written('--open-api', api, '--service=shop', '-n', 'market', '--emit=service-profile');
    const rules = rulesOf(await written('--service-profile', fileOf('profile.yml', profile)));
    assert.equal(rules.length, 2);
    assert.match(rules[0]!.expr, /dst=~"shop\\\\\.market/);
  });

  it('says which names collide, and solves it in the rules and in the ServiceProfile', async () => {
    const args = [...protos.map((file) => `--proto=${file}`), '--service=otlp'];
    const { code, stdout, stderr } = await generate(...args);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /^tocsin: rpc "Export": in 2 services;[^\n]*apply the ServiceProfile that --emit=service-profile writes[^\n]*\n$/,
    );
    assert.deepEqual(
      rulesOf(stdout).map(({ alert, labels }) => [alert, labels['route'], labels['pipeline_type']]),
      [
        ['TraceRouteSuccessRateLow', 'TraceService/Export', 'tracepipeline'],
        ['MetricRouteSuccessRateLow', 'MetricsService/Export', 'metricpipeline'],
      ],
    );
    const profile = await generate(...args, '--emit=service-profile', '-o', 'json');
    assert.match(profile.stdout, /"name":"TraceService\/Export".*"name":"MetricsService\/Export"/);
    assert.equal((await generate(...args, '--metrics=gateway')).stderr, '');
  });

  it('writes a ConfigMap, a PrometheusRule and JSON, all with the same rules', async () => {
    const args = [
      '--open-api',
      api,
      '--service=shop',
      '-n',
      'market',
      '--pipeline-type=logpipeline',
      '--pipeline-name=x',
    ];
    const rules = rulesOf(await written(...args));
    assert.deepEqual(rules[0]?.labels, { ...rules[0]?.labels, pipeline_type: 'logpipeline', pipeline_name: 'x' });
    assert.deepEqual(rulesOf(await written(...args, '-o', 'json')), rules);
    assert.deepEqual(rulesOf(await written(...args, '-o', 'yaml')), rules);
    const object = ['--object-namespace=monitoring', '-l', 'release=prometheus'];
    const map = parse(await written(...args, ...object, '-o', 'configmap')) as {
      metadata: object;
      data: Record<string, string>;
    };
    const labels = { 'app.kubernetes.io/name': 'tocsin', 'app.kubernetes.io/part-of': 'tocsin', release: 'prometheus' };
    const name = 'tocsin-routes-shop-market';
    assert.deepEqual(map.metadata, { name, namespace: 'monitoring', labels });
    assert.deepEqual(rulesOf(map.data[`${name}_rules.yml`] ?? ''), rules);
    const rule = parse(await written(...args, ...object, '-o', 'prometheusrule')) as {
      kind: string;
      metadata: object;
      spec: object;
    };
    assert.deepEqual([rule.kind, rule.metadata], ['PrometheusRule', { name, namespace: 'monitoring', labels }]);
    assert.deepEqual(rulesOf(JSON.stringify(rule.spec)), rules);
  });

  it('takes short flags in every form', async () => {
    const [spaced, equal, long] = await Promise.all([
      written('--open-api', api, '--service=shop', '-n', 'market', '-o', 'json'),
      written('--open-api', api, '--service=shop', '-n=market', '-o=json'),
      written('--open-api', api, '--service=shop', '--namespace=market', '--output=json'),
    ]);
    assert.deepEqual([equal, long], [spaced, spaced]);
  });

  it('tells what was left out, on standard error, and no more than twenty lines of it', async () => {
    const many = fileOf(
      'many.yml',
      `paths:\n${Array.from({ length: 30 }, (_, n) => `  /${n}: {get: {}, trace: {}}\n`).join('')}`,
    );
    const { stderr } = await generate('--open-api', many, '--service=shop');
    assert.equal(stderr.trim().split('\n').length, 21);
    assert.match(stderr, /many\.yml:2:17: path "\/0": TRACE gets no route, as in Linkerd\n/);
    assert.match(stderr, /\ntocsin: 10 more notes are not shown\n$/);
  });

  it('says that a quantile between two buckets is a guess', async () => {
    const { stderr } = await generate(
      '--open-api',
      api,
      '--service=shop',
      '--metrics=gateway',
      '--p99=300ms',
      '--p95=500ms',
    );
    assert.equal(
      stderr,
      'tocsin: --p99=300ms: requests from 50ms to 500ms are one bucket of --metrics=gateway, so the rule guesses between them; 50ms, 500ms, 1s are exact\n',
    );
  });

  const wrong: [what: string, args: readonly string[], problem: RegExp][] = [
    ['no file', [], /^tocsin: rules generate: no file, allowed: one of --open-api, --proto, --service-profile\n/],
    ['files of two kinds', ['--open-api=a', '--proto=b'], /rules generate: files of 2 kinds, allowed: one of/],
    [
      'standard input twice',
      ['--proto=-', '--proto=-', '--service=a'],
      /--proto=-: given twice, allowed: standard input once/,
    ],
    [
      'stray words',
      ['a'],
      /rules generate: stray words, allowed: tocsin rules generate [^]*\ntocsin: try: tocsin rules generate --help\n$/,
    ],
    ['no service', ['--open-api=a'], /--service: missing, allowed: --service=NAME/],
    [
      'a service of a ServiceProfile',
      ['--service-profile=a', '--service=b'],
      /--service: the ServiceProfile names its service/,
    ],
    ['a wrong service', ['--open-api=a', '--service=1a'], /--service: found "1a", allowed: the name of a service/],
    ['a wrong domain', ['--open-api=a', '--service=a', '--cluster-domain=A.'], /--cluster-domain: found "A\."/],
    [
      'a base path for a proto',
      ['--proto=a', '--service=a', '--base-path=/v1'],
      /--base-path: allowed: with --open-api/,
    ],
    ['a share as a percentage', ['--open-api=a', '--service=a', '--success=99.5%'], /did you mean "0\.995"\?/],
    [
      'a share of nothing',
      ['--open-api=a', '--service=a', '--success=0'],
      /--success: found "0", allowed: a number over 0 up to 1/,
    ],
    ['no rule at all', ['--open-api=a', '--service=a', '--success=off'], /--success=off: no rule is left/],
    ['a rate of nothing', ['--open-api=a', '--service=a', '--rps=0'], /--rps: found "0", allowed: a number over 0/],
    [
      'a latency above all buckets',
      ['--proto=a', '--service=a', '--p99=50s'],
      /--p99=50s: cannot fire, allowed: less than 50s, the largest bucket/,
    ],
    [
      'a latency above all buckets of the Gateway API',
      ['--proto=a', '--service=a', '--metrics=gateway', '--p50=10s'],
      /--p50=10s: cannot fire, allowed: less than 10s, the largest bucket of --metrics=gateway/,
    ],
    [
      'a ServiceProfile as a ConfigMap',
      ['--proto=a', '--service=a', '--emit=service-profile', '-o', 'configmap'],
      /allowed: yaml, json/,
    ],
    [
      'a label of a file',
      ['--proto=a', '--service=a', '-l', 'a=b'],
      /a file has none, allowed: with -o configmap or -o prometheusrule/,
    ],
    ['an unknown short flag', ['--proto=a', '-z=1'], /-z: unknown flag/],
    [
      'a misspelt kind',
      ['--proto=a', '--service=a', '--pipeline-type=metricspipeline'],
      /did you mean "metricpipeline"\?/,
    ],
    [
      'a foreign kind without a name',
      ['--proto=a', '--service=a', '--pipeline-type=Widget'],
      /wakes every pipeline, allowed: beside --pipeline-name/,
    ],
  ];
  for (const [what, args, problem] of wrong) {
    it(`refuses ${what} with 2`, async () => {
      const { code, stdout, stderr } = await generate(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, problem);
    });
  }

  it('refuses a file that it cannot use with 1, and writes nothing', async () => {
    const cases: [file: string, problem: RegExp][] = [
      [join(folder, 'nowhere.yml'), /nowhere\.yml: no such file; check the path/],
      [folder, /is a directory; name the file in it/],
      [fileOf('latin.yml', Buffer.from([0x70, 0xe4])), /latin\.yml: is not UTF-8, so no text; is it the right file\?/],
      [
        fileOf('large.json', Buffer.alloc(16 * 1024 * 1024 + 1, 32)),
        /large\.json: has \d+ bytes, allowed: 16777216 bytes/,
      ],
      [fileOf('bad.yml', 'paths: [\n'), /bad\.yml:2:1: not valid YAML/],
      ['/dev/null', /is a device, allowed: a regular file/],
    ];
    for (const [file, problem] of cases) {
      const { code, stdout, stderr } = await generate('--open-api', file, '--service=a');
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, problem);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
  });
});
