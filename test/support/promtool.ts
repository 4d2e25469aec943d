import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, requireServer } from './servers.ts';

export type PromtoolVersion = '3.15' | '2.42';

const programs = { '3.15': 'promtool', '2.42': 'promtool-2.42' } as const;

/** Like `skipWithout`, for every version of promtool. */
export const skipWithoutPromtool: string | false =
  findServer('promtool') !== undefined && findServer('promtool-2.42') !== undefined
    ? false
    : 'needs promtool: npm run servers';

/** What `promtool check rules` says about the text of a rule file; its exit code is 0 if nothing is wrong. */
export function checkRules(
  version: PromtoolVersion,
  rules: string,
  flags: readonly string[] = ['--lint=none'],
): { readonly code: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  try {
    const file = join(folder, 'rules.yml');
    writeFileSync(file, rules);
    const program = requireServer(programs[version]);
    const args = ['check', 'rules', ...flags, file];
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    return { code: status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What promtool says about each expression; undefined where it has nothing to say. One process for all of them. */
export function expressionVerdicts(version: PromtoolVersion, expressions: readonly string[]): (string | undefined)[] {
  const rules = expressions.map((expression, index) => `  - {record: r${index}, expr: ${JSON.stringify(expression)}}`);
  const { output } = checkRules(version, ['groups:', '- name: g', '  rules:', ...rules, ''].join('\n'));
  const verdicts: (string | undefined)[] = expressions.map(() => undefined);
  for (const [, index, verdict] of output.matchAll(/rule \d+, "r(\d+)": (.*)/g)) verdicts[Number(index)] = verdict;
  return verdicts;
}
