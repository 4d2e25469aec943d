import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lintTexts } from '../src/lint/lint.ts';
import { readExpression } from '../src/promql/read-expression.ts';
import { requireServer } from '../test/support/servers.ts';
import { bundle } from './peers.ts';
import type { Section } from './section.ts';
import { spread, type Spread } from './statistics.ts';
import type { Row } from './table.ts';

/** Rules as people write them; `#` becomes a number, so that no two are the same. */
const expressions: readonly string[] = [
  'up{job="job-#"} == 0',
  'sum by (namespace, dst) (rate(route_response_total{classification="success",app="a-#"}[5m])) / sum by (namespace, dst) (rate(route_response_total{app="a-#"}[5m])) < 0.9',
  'histogram_quantile(0.99, sum by (le, dst) (rate(latency_bucket{app=~"a-#|b.*"}[5m]))) > 500',
  '(node_filesystem_avail_bytes{fstype!~"^(fuse.*|tmpfs)",n="#"} / node_filesystem_size_bytes < .10 and on (instance, device) node_filesystem_readonly == 0)',
  'predict_linear(node_filesystem_free_bytes{n="#"}[1h], 24 * 3600) < 0 unless ignoring (a) b',
];

function ruleFile(rules: number): string {
  const lines = ['groups:', '- name: bench', '  rules:'];
  for (let index = 0; index < rules; index++) {
    const expression = expressions[index % expressions.length]!.replaceAll('#', String(index));
    lines.push(
      `  - alert: Bench${index}`,
      `    expr: >-\n      ${expression}`,
      '    for: 5m',
      '    labels: {severity: warning}',
    );
    lines.push('    annotations:', `      summary: '{{ $labels.dst }} of ${index} is at {{ $value | humanize }}'`);
  }
  return `${lines.join('\n')}\n`;
}

/** Expressions that are made to be slow: parentheses, signs and operators without an end, and a regular expression that is huge. */
const hostile: readonly string[] = [
  '('.repeat(102_400),
  `${'-'.repeat(102_400)}1`,
  `${'a or '.repeat(20_000)}a`,
  `${'a or '.repeat(1999)}a`,
  `{a=~"${'(a{1000}){1000}'.repeat(50)}"}`,
  `{a=~"${'abcdefg|'.repeat(900)}"}`,
];

export const lint: Section = {
  name: 'lint',
  title: 'Lint: rule files, from the start of the process to its end, and the CPU time of one rule',
  run: ({ quick }) => {
    const rounds = quick ? 3 : 9;
    const folder = mkdtempSync(join(tmpdir(), 'bench-lint-'));
    try {
      const sizes = [100, 1000, 5000].map((rules) => measure(folder, rules, rounds));
      const slowest = Math.max(...hostile.map((text) => cpuOf(() => void readExpression(text))));
      const worst: Row = {
        rules: 'hostile',
        'tocsin lint, ms': '',
        'promtool check rules, ms': '',
        'CPU of a rule': `${slowest.toFixed()} ms`,
      };
      return Promise.resolve({ rows: [...sizes.map(({ row }) => row), worst], raw: { sizes, slowest } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function measure(folder: string, rules: number, rounds: number): { readonly row: Row; readonly walls: unknown } {
  const file = join(folder, `${rules}.yml`);
  const text = ruleFile(rules);
  writeFileSync(file, text);
  const [ours, theirs, cpu]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(wallOf(process.execPath, [bundle, 'lint', '--fail-on=error', file]));
    theirs.push(wallOf(requireServer('promtool'), ['check', 'rules', file]));
    cpu.push(cpuOf(() => void lintTexts([{ name: file, text }], { matches: () => 'some' })) / rules);
  }
  const row = {
    rules: String(rules),
    'tocsin lint, ms': shown(spread(ours)),
    'promtool check rules, ms': shown(spread(theirs)),
    'CPU of a rule': `${(spread(cpu).median * 1000).toFixed()} µs`,
  };
  return { row, walls: { ours, theirs, cpu } };
}

function wallOf(program: string, args: readonly string[]): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status} ${stderr}`);
  return performance.now() - startedAt;
}

/** User and system time, milliseconds. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function shown({ median, min, max }: Spread): string {
  return `${median.toFixed()} (${min.toFixed()}–${max.toFixed()})`;
}
