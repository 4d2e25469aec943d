import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config } from './config.ts';
import { parseConfigFile } from './load-config.ts';
import { triggerRules } from './triggers-section.ts';

function read(text: string): ReturnType<typeof parseConfigFile> {
  return parseConfigFile('tocsin.yml', text);
}

function configOf(text: string): Config {
  const parsed = read(text);
  assert.ok('config' in parsed, JSON.stringify(parsed));
  return parsed.config;
}

function problemsOf(text: string): readonly string[] {
  const parsed = read(text);
  return 'problems' in parsed ? parsed.problems : [];
}

const entry = `
    - name: orders-db
      matchers: ['alertname=~"Postgres.*"']
      targets: [{apiVersion: apps/v1, kind: Deployment, name: orders}]
      action: {log: {}}
`;

describe('triggers', () => {
  it('has the defaults of a Tocsin without triggers', () => {
    const { triggers } = configOf('');
    assert.deepEqual([triggers.default, triggers.from_namespaces, triggers.list], ['auto', 'none', []]);
  });

  it('takes what the admin says', () => {
    const { triggers } = configOf(`triggers:
  default: always
  from_namespaces: labelled
  namespace_selector: {matchExpressions: [{key: team, operator: Exists}]}
  exclude_namespaces: [kube-system]
  opt_out_label: null
  namespace_label: exported_namespace
  matcher_strategy: OnNamespaceExceptForReceiverNamespace
  allowed_targets:
    - {group: argoproj.io, kind: Application, namespaces: [argocd], selector: {matchLabels: {team: shop}}}
    - {group: "", kind: Node}
  limits: {min_interval: 5s, max_per_namespace: 5, max_matchers: 3, max_targets: 2}
  severities: [page, ticket]
`);
    assert.deepEqual(triggers.namespace_selector, { matchExpressions: [{ key: 'team', operator: 'Exists' }] });
    assert.deepEqual(triggers.allowed_targets, [
      {
        group: 'argoproj.io',
        kind: 'Application',
        namespaces: ['argocd'],
        selector: { matchLabels: { team: 'shop' } },
      },
      { group: '', kind: 'Node' },
    ]);
    assert.equal(triggers.opt_out_label, null);
    assert.deepEqual(triggerRules(triggers, 'tocsin-system'), {
      limits: { minIntervalMs: 5000, maxMatchers: 3, maxTargets: 2 },
      namespaceLabel: 'exported_namespace',
      strategy: 'OnNamespaceExceptForReceiverNamespace',
      receiverNamespace: 'tocsin-system',
    });
  });

  it('has entries with the fields of a spec, flat', () => {
    const { triggers } = configOf(`triggers:\n  list:${entry}      namespace: shop\n`);
    assert.deepEqual(triggers.list, [
      {
        name: 'orders-db',
        namespace: 'shop',
        spec: {
          matchers: ['alertname=~"Postgres.*"'],
          targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }],
          action: { log: {} },
        },
      },
    ]);
  });

  it('tells every problem of every entry, with its line', () => {
    const text = `triggers:
  list:
    - name: Orders
      matcher: ['a="b"']
      targets: [{apiVersion: apps/v1, kind: Deployment, name: ../x}]
      action: {log: {}}
    - just a text
    - name: a
      matchers: ['a=~"["']
      targets: []
      action: {log: {}}
  severities: critical
`;
    assert.deepEqual(
      problemsOf(text).map((problem) => problem.split(/: (?:found|unknown|missing)/)[0]),
      [
        'tocsin.yml:3:13: triggers.list.0.name',
        'tocsin.yml:4:16: triggers.list.0.matcher',
        'tocsin.yml:5:63: triggers.list.0.targets.0.name',
        'tocsin.yml:7:7: triggers.list.1',
        'tocsin.yml:9:18: triggers.list.2.matchers.0',
        'tocsin.yml:10:16: triggers.list.2.targets',
        'tocsin.yml:12:15: triggers.severities',
      ],
    );
  });

  it('names the nearest key of an entry, of a selector and of an allowed target', () => {
    const text = `triggers:
  namespace_selector: {matchLabel: {a: b}}
  allowed_targets: [{group: apps, kind: Deployment, namespace: [a]}]
  list:
    - name: a
      target: []
`;
    const problems = problemsOf(text).join('\n');
    assert.match(problems, /namespace_selector\.matchLabel: unknown field, did you mean "matchLabels"\?/);
    assert.match(problems, /allowed_targets\.0\.namespace: unknown field, did you mean "namespaces"\?/);
    assert.match(problems, /list\.0\.target: unknown field, did you mean "targets"\?/);
  });

  it('refuses a name that is there already, in the same namespace', () => {
    assert.deepEqual(problemsOf(`triggers:\n  list:${entry}${entry}`), [
      'tocsin.yml:8:13: triggers.list.1.name: found the name of the entry 1, allowed: each name once in a namespace',
    ]);
    assert.deepEqual(problemsOf(`triggers:\n  list:${entry}${entry}      namespace: shop\n`), []);
  });

  it('holds the entries to the limits of the same file', () => {
    const limits = '  limits: {max_targets: 1, max_matchers: 1}\n';
    const two = entry.replace('name: orders}]', 'name: orders}, {apiVersion: v1, kind: Pod, name: a}]');
    assert.deepEqual(problemsOf(`triggers:\n  list:${two}${limits}`), [
      'tocsin.yml:5:16: triggers.list.0.targets: found 2 targets, allowed: at most 1 (triggers.limits.max_targets)',
    ]);
    assert.deepEqual(problemsOf(`triggers:\n  list:${two}`), []);
  });

  for (const [key, value] of [
    ['default', 'sometimes'],
    ['from_namespaces', 'some'],
    ['exclude_namespaces', '[Shop]'],
    ['opt_out_label', '"a b"'],
    ['namespace_label', 'a-b'],
    ['matcher_strategy', 'onNamespace'],
    ['allowed_targets', '{group: apps, kind: Deployment}'],
    ['allowed_targets', '[{kind: Deployment}]'],
    ['allowed_targets', '[{group: apps, kind: deployment}]'],
    ['limits', '{max_targets: 0}'],
    ['limits', '{min_interval: 1}'],
    ['list', '{name: a}'],
  ])
    it(`refuses ${key}: ${value}`, () => assert.equal(problemsOf(`triggers:\n  ${key}: ${value}\n`).length, 1));

  for (const [key, value] of [
    ['share', '0'],
    ['share', '1.1'],
    ['share', '50%'],
    ['objects', '0'],
    ['rate', '0.5'],
  ])
    it(`refuses storm.${key}: ${value}`, () => assert.equal(problemsOf(`storm:\n  ${key}: ${value}\n`).length, 1));
});
