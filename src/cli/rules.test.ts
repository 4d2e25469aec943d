import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ruleGroups } from '../rules/rule-files.ts';
import { runAsk } from './fake-api.fixture.ts';

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly { readonly alert: string }[] }[];
}

async function print(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runAsk('rules', ['print', ...args], {});
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

const names = (text: string): string[] => (parse(text) as RuleFile).groups.map(({ name }) => name);

describe('tocsin rules print', () => {
  it('knows every file of rules/', () => {
    const files = readdirSync(new URL('../../rules', import.meta.url)).filter((name) => name.endsWith('.yml'));
    assert.deepEqual(files.toSorted(), ruleGroups.map((group) => `${group}.yml`).toSorted());
  });

  it('prints all groups but the one that is opt-in', async () => {
    assert.deepEqual(names(await print()), ['tocsin-alert-path', 'tocsin-pipelines', 'tocsin-node', 'tocsin']);
  });

  it('prints the groups that are asked for, in their own order and with their comments', async () => {
    const text = await print('--group=node-disk-rate', '--group=node');
    assert.deepEqual(names(text), ['tocsin-node', 'tocsin-node-disk-rate']);
    assert.equal(text.match(/CC BY 4\.0/g)?.length, 2);
    assert.match(text, /# The speed is -1/);
  });

  it('keeps every expression on its own line and as it is', async () => {
    const text = await print('--group=node');
    assert.ok(text.includes('expr: 1 - (avg without (cpu) (rate(node_cpu_seconds_total{mode="idle"}[5m]))) > .80\n'));
  });

  it('prints one ConfigMap with a file for each group', async () => {
    const object = parse(await print('-o', 'configmap', '-n', 'monitoring')) as {
      readonly metadata: object;
      readonly data: Readonly<Record<string, string>>;
    };
    assert.deepEqual(object.metadata, {
      name: 'tocsin-rules',
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'tocsin', 'app.kubernetes.io/part-of': 'tocsin' },
    });
    assert.deepEqual(Object.keys(object.data), [
      'tocsin-alert-path_rules.yml',
      'tocsin-pipelines_rules.yml',
      'tocsin-node_rules.yml',
      'tocsin_rules.yml',
    ]);
    assert.deepEqual(names(object.data['tocsin_rules.yml'] ?? ''), ['tocsin']);
  });

  it('prints a PrometheusRule for each group, with the labels that a selector wants', async () => {
    const text = await print('-o', 'prometheusrule', '--label=release=prometheus', '-l', 'example.com/team=a');
    const objects = parseAllDocuments(text).map((document) => document.toJS() as Record<string, object>);
    assert.equal(objects.length, 4);
    assert.deepEqual(objects.at(-1)?.['metadata'], {
      name: 'tocsin',
      labels: {
        'app.kubernetes.io/name': 'tocsin',
        'app.kubernetes.io/part-of': 'tocsin',
        release: 'prometheus',
        'example.com/team': 'a',
      },
    });
  });

  it('lets runbook_url begin where the documentation is', async () => {
    const text = await print('--group=pipelines', '--runbook-url=https://git.example.com/tocsin/blob/main/');
    assert.match(
      text,
      /runbook_url: https:\/\/git\.example\.com\/tocsin\/blob\/main\/docs\/runbooks\.md#instancedown\n/,
    );
    assert.doesNotMatch(text, /runbook_url: docs/);
  });

  for (const [args, expected] of [
    [
      ['--group=nods'],
      /--group: found "nods", did you mean "node"\? allowed: alert-path, pipelines, node, tocsin, node-/,
    ],
    [['-o', 'yaml'], /--output: found "yaml".*allowed: rules, configmap, prometheusrule/],
    [['-o', 'configmap', '-n', 'A b'], /--namespace: found "A b", allowed: the name of a namespace/],
    [['-o', 'configmap', '-l', 'release'], /--label: found "release", allowed: NAME=VALUE/],
    [
      ['-n', 'monitoring'],
      /--namespace, --label: a rule file has none, allowed: with -o configmap or -o prometheusrule/,
    ],
    [['node'], /rules print: stray words, allowed: tocsin rules print/],
    [
      ['--gruop=node'],
      /--gruop: unknown flag, did you mean "--group"\? allowed: the flags in tocsin rules print --help/,
    ],
  ] as const)
    it(`refuses ${args.join(' ')} with 2, and says what is allowed`, async () => {
      const { code, stdout, stderr } = await runAsk('rules', ['print', ...args], {});
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, expected);
      assert.match(stderr, /try: tocsin rules print --help\n$/);
    });
});

describe('tocsin rules', () => {
  it('says what it can do', async () => {
    const { code, stdout } = await runAsk('rules', ['--help'], {});
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}tocsin rules print +the rules that come with Tocsin/m);
    assert.match(stdout, /^ {2}tocsin rules generate {2}rules for each route of a service/m);
    assert.match(await print('--help'), /^tocsin rules print \[--group=GROUP\].*\n[^]*--runbook-url=URL/);
  });

  it('refuses another word with 2', async () => {
    const { code, stderr } = await runAsk('rules', ['prnt'], {});
    assert.equal(code, 2);
    assert.match(stderr, /rules: no command "prnt", did you mean "print"\? allowed: tocsin rules print/);
    assert.match((await runAsk('rules', [], {})).stderr, /rules: no command, allowed: tocsin rules print/);
  });
});
