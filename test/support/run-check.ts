import assert from 'node:assert/strict';
import { runTocsin } from './run-tocsin.ts';

interface CheckResult {
  readonly description: string;
  readonly hint?: string;
  readonly error?: string;
  readonly result: 'success' | 'warning' | 'error';
}

export interface CheckRun {
  readonly categories: readonly { readonly categoryName: string; readonly checks: readonly CheckResult[] }[];
  readonly success: boolean;
  /** The ids of the checks that failed or warned, in their order; not those that were not run. */
  readonly bad: readonly string[];
  /** What these say. */
  readonly said: string;
  /** From the start of the process to its end, milliseconds. */
  readonly tookMs: number;
}

/** Runs `tocsin check` once, without waiting for what may become true. Each bad check has to name its paragraph. */
export async function runCheck(...args: readonly string[]): Promise<CheckRun> {
  const startedAt = performance.now();
  const { code, stdout, stderr } = await runTocsin(['check', '--wait=0s', '--output=json', ...args]);
  const tookMs = performance.now() - startedAt;
  assert.equal(stderr, '');
  const report = JSON.parse(stdout) as Pick<CheckRun, 'categories' | 'success'>;
  assert.equal(code, report.success ? 0 : 1);
  const all = report.categories.flatMap(({ checks }) => checks);
  const bad = all.filter(({ result, error = '' }) => result !== 'success' && !error.startsWith('not run'));
  return { ...report, bad: bad.map(idOf), said: bad.map(({ error }) => error).join('\n'), tookMs };
}

function idOf({ description, hint = '' }: CheckResult): string {
  const [, id] = /^docs\/checks\.md#([\w-]+)$/.exec(hint) ?? [];
  assert.ok(id, `${description} names no paragraph: ${hint}`);
  return id;
}
