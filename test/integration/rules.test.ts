import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { healthRules } from '../../src/health/health-rules.ts';
import { ruleGroups } from '../../src/rules/rule-files.ts';
import { read, root } from '../support/documentation.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { requireServer, skipWithout } from '../support/servers.ts';

interface AlertingRule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTests {
  readonly rule_files: readonly string[];
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

const files = globSync('rules/*.yml', { cwd: root }).toSorted();
const testFileOf = (file: string): string => file.replace(/(\w[\w-]*)\.yml$/, 'tests/$1.test.yml');

function rulesOf(file: string): readonly AlertingRule[] {
  const { groups } = parse(read(file)) as { groups: readonly { readonly rules: readonly AlertingRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

function promtool(name: 'promtool' | 'promtool-2.42', ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(requireServer(name), args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

for (const name of ['promtool', 'promtool-2.42'] as const)
  describe(`the rules, with ${name}`, { skip: skipWithout(name) }, () => {
    it('are good, and nothing in them is doubtful', () => {
      assert.ok(files.length >= 5);
      promtool(name, 'check', 'rules', '--lint=all', '--lint-fatal', ...files);
    });

    for (const file of files)
      it(`fire when they must and are silent when they must be: ${file}`, () => {
        promtool(name, 'test', 'rules', testFileOf(file));
      });
  });

describe('tocsin rules print', { skip: skipWithout('promtool') || skipWithout('promtool-2.42') }, () => {
  it('prints a file that is good, with every rule as it is in its own file', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'tocsin-rules-'));
    const all = ruleGroups.map((group) => `--group=${group}`);
    const { code, stdout } = await runTocsin(['rules', 'print', ...all]);
    const file = join(folder.path, 'printed.yml');
    await writeFile(file, stdout);

    assert.equal(code, 0);
    promtool('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', file);
    promtool('promtool-2.42', 'check', 'rules', '--lint=all', '--lint-fatal', file);
    const { groups } = parse(stdout) as { groups: readonly { readonly rules: readonly AlertingRule[] }[] };
    assert.deepEqual(
      groups.flatMap(({ rules }) => rules),
      ruleGroups.flatMap((group) => rulesOf(`rules/${group}.yml`)),
    );
  });

  it('is refused an unknown group with 2, and told the known ones', async () => {
    const { code, stdout, stderr } = await runTocsin(['rules', 'print', '--group=nodes']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /did you mean "node"\? allowed: alert-path, pipelines, node, tocsin, node-disk-rate/);
  });
});

describe('each rule', () => {
  const rules = files.flatMap(rulesOf);

  it('has a name of its own, by which Tocsin takes it for no alert of a health rule', () => {
    const names = rules.map(({ alert }) => alert);
    assert.ok(names.length >= 40);
    assert.equal(new Set(names).size, names.length);
    const prefixes = Object.values(healthRules.alertnamePrefix);
    for (const name of names) assert.ok(!prefixes.some((prefix) => name.startsWith(prefix)), name);
  });

  it('has a severity, and texts for people', () => {
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels['severity'] ?? '', /^(?:critical|warning|none)$/, alert);
      assert.deepEqual(Object.keys(annotations), ['summary', 'description', 'runbook_url'], alert);
    }
  });

  it('links to its own paragraph of docs/runbooks.md, which has no other', () => {
    for (const { alert, annotations } of rules)
      assert.equal(annotations['runbook_url'], `docs/runbooks.md#${alert.toLowerCase()}`);
    const headings = [...read('docs/runbooks.md').matchAll(/^### (\w+)$/gm)].map(([, heading]) => heading!);
    assert.deepEqual(headings.toSorted(), rules.map(({ alert }) => alert).toSorted());
  });

  for (const file of files)
    it(`is tested: it fires in one case and is silent in another: ${file}`, () => {
      const { rule_files: tested, tests } = parse(read(testFileOf(file))) as RuleTests;
      assert.deepEqual(tested, [`../${basename(file)}`]);
      const cases = tests.flatMap((test) => test.alert_rule_test);
      const alerts = (isFiring: boolean): string[] =>
        cases.filter(({ exp_alerts: expected }) => expected.length > 0 === isFiring).map(({ alertname }) => alertname);
      const names = rulesOf(file).map(({ alert }) => alert);
      assert.deepEqual([...new Set(alerts(true))], names);
      // This one is never silent.
      assert.deepEqual(
        [...new Set(alerts(false))],
        names.filter((name) => name !== 'Watchdog'),
      );
    });

  it('is tested with a failure of everything, and fires', () => {
    const tests = files.flatMap((file) => (parse(read(testFileOf(file))) as RuleTests).tests);
    const total = tests.filter(({ name }) => name.endsWith(': 100 % failure')).flatMap((test) => test.alert_rule_test);
    for (const { alertname, exp_alerts: expected } of total) assert.ok(expected.length > 0, alertname);
    const tested = new Set(total.map(({ alertname }) => alertname));
    assert.deepEqual(
      rules.map(({ alert }) => alert).filter((alert) => !tested.has(alert)),
      // The first says that all is well. What vanished as a whole is told by JobVanished. Switches are no failure.
      ['Watchdog', 'HostContextSwitchingHigh', 'InstancesVanished'],
    );
  });

  it('whose expression comes from elsewhere says from where, and under which license', () => {
    for (const file of ['rules/node.yml', 'rules/node-disk-rate.yml', 'rules/alert-path.yml'])
      assert.match(read(file), /awesome-prometheus-alerts[^]+CC BY 4\.0/);
  });
});
