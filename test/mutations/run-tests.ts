import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** `late`: they took longer than they may, which on a busy machine is no proof of anything. */
export type Verdict = 'passed' | 'failed' | 'late';

/**
 * Runs files of tests in a copy of the program, one after the other, up to the first test that fails.
 * @param timeLimitMs for each of the files
 */
export async function runTests(folder: string, tests: readonly string[], timeLimitMs: number): Promise<Verdict> {
  for (const test of tests) {
    const verdict = await runFile(folder, join('src', test), timeLimitMs);
    if (verdict !== 'passed') return verdict;
  }
  return 'passed';
}

async function runFile(cwd: string, file: string, timeLimitMs: number): Promise<Verdict> {
  const child = spawn(
    process.execPath,
    // In one process: to start a second one takes longer than most of the tests.
    ['--test', '--test-isolation=none', '--test-reporter=tap', file],
    { cwd, stdio: ['ignore', 'pipe', 'ignore'], timeout: timeLimitMs, killSignal: 'SIGKILL' },
  );
  const closed = once(child, 'close');
  let failed = false;
  for await (const line of createInterface(child.stdout)) {
    if (failed || !/^\s*not ok/.test(line)) continue;
    failed = true;
    child.kill('SIGKILL');
  }
  const [code] = (await closed) as [number | null];
  if (failed) return 'failed';
  if (code === null) return 'late';
  return code === 0 ? 'passed' : 'failed';
}
