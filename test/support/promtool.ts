import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findServer, requireServer } from './servers.ts';

export type PromtoolVersion = '3.15' | '2.42';

const programs = { '3.15': 'promtool', '2.42': 'promtool-2.42' } as const;

/** Like `skipWithout`, for every version of promtool. */
export const skipWithoutPromtool: string | false =
  findServer('promtool') !== undefined && findServer('promtool-2.42') !== undefined
    ? false
    : 'needs promtool: npm run servers';

/** Writes files into a folder, and runs promtool there; the folder is gone afterwards. */
function run(version: PromtoolVersion, args: readonly string[], texts: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  try {
    const files = Object.entries(texts).map(([name, text]) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    });
    const program = requireServer(programs[version]);
    const { stdout, stderr } = spawnSync(program, [...args, ...files], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      cwd: folder,
    });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What `promtool check rules` says against each rule file; undefined where it has nothing to say. One process for all of them. */
export function ruleFileVerdicts(version: PromtoolVersion, texts: readonly string[]): readonly (string | undefined)[] {
  const names = texts.map((_, index) => `${index}.yml`);
  const output = run(
    version,
    ['check', 'rules', '--lint=none'],
    Object.fromEntries(names.map((name, index) => [name, texts[index]!])),
  );
  const verdicts = new Map<string, string>();
  for (const part of output.split(/^Checking /m).slice(1)) {
    const [file = '', ...rest] = part.split('\n');
    if (!/^\s*SUCCESS/.test(rest.join('\n'))) verdicts.set(basename(file.trim()), rest.join('\n').trim());
  }
  // What is wrong stands in another stream, and names its file.
  for (const [, name, verdict] of output.matchAll(/(\d+\.yml): (.*)/g))
    if (verdicts.has(name!)) verdicts.set(name!, verdict!);
  return names.map((name) => verdicts.get(name));
}

/** What promtool says about each rule of one file; undefined where it has nothing to say. */
function ruleVerdicts(version: PromtoolVersion, rules: readonly string[]): readonly (string | undefined)[] {
  const text = ['groups:', '- name: g', '  rules:', ...rules.map((rule) => `  - ${rule}`), ''].join('\n');
  const verdicts: (string | undefined)[] = rules.map(() => undefined);
  const output = run(version, ['check', 'rules', '--lint=none'], { 'rules.yml': text });
  for (const [, index, verdict] of output.matchAll(/rule \d+, "r(\d+)": (.*)/g)) verdicts[Number(index)] = verdict;
  return verdicts;
}

export function expressionVerdicts(
  version: PromtoolVersion,
  expressions: readonly string[],
): readonly (string | undefined)[] {
  return ruleVerdicts(
    version,
    expressions.map((expression, index) => `{record: r${index}, expr: ${JSON.stringify(expression)}}`),
  );
}

export function templateVerdicts(
  version: PromtoolVersion,
  templates: readonly string[],
): readonly (string | undefined)[] {
  return ruleVerdicts(
    version,
    templates.map((text, index) => `{alert: r${index}, expr: a, annotations: {a: ${JSON.stringify(text)}}}`),
  );
}

/** The names of the alerts that fire at 10m, by `promtool test rules`, with series such as `up{job="a"}: 0x20`. */
export function firingAlerts(
  version: PromtoolVersion,
  alerts: Readonly<Record<string, string>>,
  series: Readonly<Record<string, string>>,
): readonly string[] {
  const rules = Object.entries(alerts).map(([alert, expr]) => ({ alert, expr }));
  const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const expected = Object.keys(alerts).map((alertname) => ({ alertname, eval_time: '10m', exp_alerts: [] }));
  const test = {
    rule_files: ['rules.yml'],
    tests: [{ interval: '1m', input_series: input, alert_rule_test: expected }],
  };
  const output = run(version, ['test', 'rules', '--', 'test.yml'], {
    'rules.yml': JSON.stringify({ groups: [{ name: 'g', rules }] }),
    'test.yml': JSON.stringify(test),
  });
  return Object.keys(alerts).filter((name) => new RegExp(`alertname: ${name}, time: 10m`).test(output));
}
