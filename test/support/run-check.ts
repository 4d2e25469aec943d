import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { ask } from '../../src/cli/ask.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { runTocsin, type Run } from './run-tocsin.ts';

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
  /** From the start of the command to its end, milliseconds. */
  readonly tookMs: number;
}

/** Without waiting for what may become true. */
const once = ['--wait=0s', '--output=json'];
/** Between two looks of {@link checkBecomes}, milliseconds. */
const restMs = 1000;
/** The most runs that {@link quickly} measures. */
const mostMeasured = 10;

/** Runs `tocsin check` once, in a process of its own. Each bad check has to name its paragraph. */
export async function runCheck(...args: readonly string[]): Promise<CheckRun> {
  const startedAt = performance.now();
  return toldBy(await runTocsin(['check', ...once, ...args]), performance.now() - startedAt);
}

/** Runs `tocsin check` once in this process: the start of another one takes longer than the check. */
export async function checkHere(...args: readonly string[]): Promise<CheckRun> {
  const startedAt = performance.now();
  return toldBy(await askHere([...once, ...args]), performance.now() - startedAt);
}

/** Runs `tocsin check` in this process until its answer is accepted. */
export function checkBecomes(
  args: readonly string[],
  accept: (run: CheckRun) => boolean,
  timeoutMs?: number,
): Promise<CheckRun> {
  return eventually(() => checkHere(...args), accept, timeoutMs, restMs);
}

/**
 * Measures runs until one takes no longer than was promised, milliseconds. Other test files use the machine too: where the bare start of
 * the program takes long, a run may take as long as six such starts. Rejects when none of many is quick.
 */
export async function quickly(promisedMs: number, run: () => Promise<number>): Promise<readonly number[]> {
  const tookMs: number[] = [];
  while (tookMs.length < mostMeasured) {
    tookMs.push(await run());
    const startedAt = performance.now();
    await runTocsin(['--version']);
    if (tookMs.at(-1)! < Math.max(promisedMs, 6 * (performance.now() - startedAt))) return tookMs;
  }
  throw new Error(`not done within ${promisedMs} ms, but in ${tookMs.map(Math.round).join(', ')} ms`);
}

async function askHere(args: readonly string[]): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const to = (name: keyof typeof written) => ({ write: (text: string) => void (written[name] += text) });
  const code = await ask('check', args, {
    environment: process.env,
    stdout: to('stdout'),
    stderr: to('stderr'),
    clock: systemClock,
    packageFolder: fileURLToPath(new URL('../..', import.meta.url)),
  });
  return { code, ...written };
}

function toldBy({ code, stdout, stderr }: Run, tookMs: number): CheckRun {
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
