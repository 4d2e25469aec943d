import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

/** `late`: they took longer than they may, which is no proof of anything. */
export type Verdict = 'passed' | 'failed' | 'late';

/** Runs tests in a copy of the program, up to the first one that fails. */
export async function runTests(folder: string, tests: readonly string[], timeLimitMs: number): Promise<Verdict> {
  const files = tests.map((test) => join('src', test));
  const child = spawn(
    process.execPath,
    // All in one process: to start one takes longer than most of the tests.
    ['--test', '--test-isolation=none', '--test-reporter=tap', ...files],
    { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], timeout: timeLimitMs, killSignal: 'SIGKILL' },
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
