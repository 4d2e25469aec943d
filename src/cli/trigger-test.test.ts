import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runAsk } from './fake-api.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'tocsin-trigger-test-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const good = file(
  'good.yaml',
  `apiVersion: tocsin.dev/v1alpha1
kind: AlertTrigger
metadata: {name: orders-db, namespace: shop}
spec:
  matchers: ['alertname=~"Postgres.*"', severity="critical"]
  minInterval: 100ms
  targets:
    - {apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: '{{ labels.cluster }}'}
    - {apiVersion: apps/v1, kind: Deployment, selector: {matchLabels: {app: orders}}}
    - ownerOf: {pod: '{{ labels.pod }}'}
  action: {condition: {type: AlertsQuiet}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: tocsin.dev/v1alpha1
kind: ClusterAlertTrigger
metadata: {name: all}
spec:
  mode: observe
  targets: [{apiVersion: apps/v1, kind: Deployment, namespace: ops, name: pager}]
  action: {annotate: {preset: flux}}
`,
);

const bad = file(
  'bad.yaml',
  `apiVersion: tocsin.dev/v1alpha1
kind: AlertTrigger
metadata: {name: orders-db}
spec:
  matcher: ['a="b"']
  matchers: ['severity=~"["']
  targets: []
  action: {log: {}}
---
apiVersion: tocsin.dev/v1alpha1
kind: AlertTriggers
metadata: {name: x}
`,
);

const alert = 'alertname=PostgresDown,namespace=shop,severity=critical,cluster=orders,pod=orders-1';

interface Answer {
  readonly problems: unknown;
  readonly alerts: readonly { readonly triggers: readonly object[] }[];
}

async function test(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return runAsk('trigger', ['test', ...args], {});
}

describe('tocsin trigger test', () => {
  it('says which triggers match, which targets would be resolved, and what would be done', async () => {
    const { code, stdout } = await test('-f', good, '--alert', alert, '--alert=alertname=PostgresDown,namespace=shop');
    assert.equal(code, 0);
    assert.equal(
      stdout.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW'),
      `alerttrigger/shop/orders-db: good
  minInterval is raised from 100ms to 1s (triggers.limits.min_interval)
clusteralerttrigger/all: good

{alertname="PostgresDown", namespace="shop", severity="critical", cluster="orders", pod="orders-1"}
  alerttrigger/shop/orders-db: matches, and would write the condition AlertsQuiet
    Cluster orders in namespace shop (postgresql.cnpg.io/v1)
    every Deployment with app=orders in namespace shop (apps/v1)
    top owner of pod orders-1 in namespace shop
  clusteralerttrigger/all: matches, and is observed; it would set the annotation reconcile.fluxcd.io/requestedAt: NOW
    Deployment pager in namespace ops (apps/v1)

{alertname="PostgresDown", namespace="shop"}
  alerttrigger/shop/orders-db: does not match, because of severity="critical"
  clusteralerttrigger/all: matches, and is observed; it would set the annotation reconcile.fluxcd.io/requestedAt: NOW
    Deployment pager in namespace ops (apps/v1)
`,
    );
  });

  it('gives the same as JSON', async () => {
    const { code, stdout } = await test('-f', good, '--alert', alert, '-o', 'json');
    assert.equal(code, 0);
    const { problems, alerts } = JSON.parse(stdout.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW')) as Answer;
    assert.deepEqual(problems, []);
    assert.deepEqual(alerts[0]?.triggers[1], {
      name: 'clusteralerttrigger/all',
      matches: true,
      targets: ['Deployment pager in namespace ops (apps/v1)'],
      action: 'set the annotation reconcile.fluxcd.io/requestedAt: NOW',
      held: 'observed',
      notes: [],
    });
    const [other] = (JSON.parse((await test('-f', good, '--alert', 'Other', '-o', 'json')).stdout) as Answer).alerts;
    assert.deepEqual(other?.triggers[0], {
      name: 'alerttrigger/shop/orders-db',
      namespace: 'shop',
      matches: false,
      failed_matcher: 'namespace="shop"',
      targets: [],
      notes: ['minInterval is raised from 100ms to 1s (triggers.limits.min_interval)'],
    });
  });

  it('tells every problem with its line and path, and fails, but tests the others', async () => {
    const { code, stdout } = await test('-f', bad, '-f', good, '--alert', alert);
    assert.equal(code, 1);
    const [first, second, third, fourth, ...rest] = stdout.split('\n');
    assert.equal(
      first,
      `${bad}:6:14: alerttrigger/default/orders-db: spec.matchers[0]: found "severity=~\\"[\\"", allowed: a Prometheus matcher, as in alertname=~"Postgres.*" (error parsing regexp: missing closing ]: \`[)$\`)`,
    );
    assert.equal(
      second,
      `${bad}:7:12: alerttrigger/default/orders-db: spec.targets: found none, allowed: at least one target`,
    );
    assert.match(
      third!,
      /:5:12: alerttrigger\/default\/orders-db: spec\.matcher: unknown field, did you mean "matchers"\?/,
    );
    assert.match(
      fourth!,
      /:11:7: kind: found "AlertTriggers", did you mean "AlertTrigger"\? allowed: AlertTrigger, Cluster/,
    );
    assert.match(rest.join('\n'), /alerttrigger\/shop\/orders-db: matches/);
  });

  it('takes the namespace of an AlertTrigger that names none, as kubectl does', async () => {
    const { stdout } = await test('-f', bad, '-n', 'shop');
    assert.match(stdout, /alerttrigger\/shop\/orders-db: /);
  });

  it('takes the limits and rights of the admin from a configuration', async () => {
    const config = file(
      'admin.yml',
      `triggers:
  namespace_label: exported_namespace
  limits: {min_interval: 1m, max_targets: 2}
`,
    );
    const { code, stdout } = await test('-f', good, '--config.file', config);
    assert.equal(code, 1);
    assert.match(stdout, /spec\.targets: found 3 targets, allowed: at most 2 \(triggers\.limits\.max_targets\)/);
  });

  it('says what a team may not reach', async () => {
    const reaching = file(
      'reaching.yaml',
      `apiVersion: tocsin.dev/v1alpha1
kind: AlertTrigger
metadata: {name: a, namespace: shop}
spec:
  targets: [{apiVersion: argoproj.io/v1alpha1, kind: Application, namespace: argocd, name: shop}]
  action: {annotate: {preset: argocd}}
`,
    );
    const { stdout } = await test('-f', reaching, '--alert', alert);
    assert.match(
      stdout,
      /Application shop in namespace argocd \(.*\): Application shop is in the namespace argocd, and/,
    );
    const config = file('allowing.yml', 'triggers: {allowed_targets: [{group: argoproj.io, kind: Application}]}\n');
    const allowed = await test('-f', reaching, '--alert', alert, '--config.file', config);
    assert.match(allowed.stdout, /Application shop in namespace argocd \(argoproj\.io\/v1alpha1\)\n/);
  });

  it('tests the triggers of a configuration file', async () => {
    const config = file(
      'tocsin.yml',
      `triggers:
  list:
    - name: orders
      namespace: shop
      targets: [{apiVersion: apps/v1, kind: Deployment, name: orders}]
      action: {log: {}}
`,
    );
    const { code, stdout } = await test('-f', config, '--alert', alert);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /file\/shop\/orders: matches, and would log\n {4}Deployment orders in namespace shop \(apps\/v1\)/,
    );
    const broken = file('broken.yml', 'triggers:\n  list:\n    - name: orders\n      target: []\n');
    const refused = await test('-f', broken);
    assert.equal(refused.code, 1);
    assert.ok(
      refused.stdout.includes(`${broken}:4:15: triggers.list.0.target: unknown field, did you mean "targets"?`),
    );
  });

  it('finds the objects in a list, as kubectl get -o yaml writes it', async () => {
    const list = file(
      'list.yaml',
      `apiVersion: v1
kind: List
items:
  - apiVersion: tocsin.dev/v1alpha1
    kind: AlertTrigger
    metadata: {name: a, namespace: shop}
    spec:
      targets: [{apiVersion: apps/v1, kind: Deployment, name: X}]
      action: {log: {}}
`,
    );
    const { stdout } = await test('-f', list);
    assert.match(stdout, /:8:63: alerttrigger\/shop\/a: spec\.targets\[0\]\.name: found "X"/);
  });

  for (const [what, change] of [
    ['a mark of the byte order', (text: string) => `\u{FEFF}${text}`],
    ['ends of lines as on Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ] as const)
    it(`reads a file with ${what}`, async () => {
      const { code, stdout } = await test('-f', file('odd.yaml', change(readFileSync(good, 'utf8'))));
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^alerttrigger\/shop\/orders-db: good/);
    });

  const refused: readonly (readonly [what: string, args: readonly string[], message: RegExp, code: number])[] = [
    ['no file', ['--alert', 'a=b'], /trigger test: no --file, allowed: tocsin trigger test -f FILE/, 2],
    ['stray words', ['-f', good, 'x'], /trigger test: stray words/, 2],
    [
      'an alert that is none',
      ['-f', good, '--alert', 'a=~"b"'],
      /--alert: found "a=~\\"b\\"", allowed: labels, as in/,
      2,
    ],
    ['a file that is not there', ['-f', join(folder, 'none')], /--file: .*none: /, 1],
    ['a configuration that is wrong', ['-f', good, '--config.file', bad], /bad\.yaml:/, 1],
  ];
  for (const [what, args, message, expected] of refused)
    it(`refuses ${what}`, async () => {
      const { code, stderr } = await test(...args);
      assert.equal(code, expected);
      assert.match(stderr, message);
    });

  const bomb = Array.from(
    { length: 12 },
    (_, n) =>
      `a${n}: &a${n} [${Array(9)
        .fill(n === 0 ? 'x' : `*a${n - 1}`)
        .join(', ')}]\n`,
  ).join('');
  const unusable: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['nothing', '', /found nothing, allowed: triggers/],
    ['no trigger', 'apiVersion: v1\nkind: Pod\n', /found no trigger, allowed: an AlertTrigger/],
    ['a configuration without triggers', 'log: {}\n', /found no trigger, allowed: entries of triggers\.list/],
    ['no YAML', 'apiVersion: v1\nkind: [\n', /unusable\.yaml:3:1: /],
    [
      'another version',
      'apiVersion: tocsin.dev/v1\nkind: AlertTrigger\n',
      /:1:13: apiVersion: found "tocsin\.dev\/v1"/,
    ],
    ['no name', 'apiVersion: tocsin.dev/v1alpha1\nkind: AlertTrigger\n', /metadata: found no name/],
    ['aliases that multiply', `kind: AlertTrigger\napiVersion: tocsin.dev/v1alpha1\n${bomb}`, /Excessive alias count/],
    ['brackets without an end', '['.repeat(200_000), /too large or too deep/],
    ['nothing in its list', 'apiVersion: v1\nkind: List\nitems: [null, 1, x]\n', /found no trigger, allowed/],
    [
      'a list of its own kind',
      'apiVersion: tocsin.dev/v1alpha1\nkind: AlertTriggerList\nitems: [{apiVersion: tocsin.dev/v1alpha1, kind: AlertTrigger}]\n',
      /:3:\d+: items?.*found no name|metadata: found no name/,
    ],
  ];
  for (const [what, text, message] of unusable)
    it(`says that a file has ${what}`, async () => {
      const { code, stdout } = await test('-f', file('unusable.yaml', text));
      assert.equal(code, 1);
      assert.match(stdout, message);
    });
});
