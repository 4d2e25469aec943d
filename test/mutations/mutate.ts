import { availableParallelism } from 'node:os';
import { table } from '../../bench/table.ts';
import { BrokenCopy } from '../../torture/broken-copy.ts';
import { runTool } from '../support/run-tool.ts';
import type { MutatedPart, Mutation } from './mutation.ts';
import { parts } from './parts.ts';
import { runTests } from './run-tests.ts';

/** What one file of tests may take, milliseconds; alone on a machine the slowest takes two seconds. */
const timeLimitMs = 60_000;

interface Try {
  readonly part: MutatedPart;
  readonly mutation: Mutation;
}

const usage = `npm run mutate -- [part ...]

  part  ${parts.map(({ name }) => name).join(', ')}, or a piece of such a name; default: all of them

Breaks the pure core, one break at a time, in a copy of the program, and runs the tests beside it. Fails if a break is not seen.`;

async function mutate(chosen: readonly MutatedPart[]): Promise<boolean> {
  const waiting = chosen.flatMap((part) => part.mutations.map((mutation) => ({ part, mutation })));
  const unseen: Try[] = [];
  const copies = await Promise.all(Array.from({ length: availableParallelism() }, () => BrokenCopy.make()));
  try {
    await assertWholeIsGreen(copies[0]!, chosen);
    await Promise.all(copies.map((copy) => tryAll(copy, waiting, unseen)));
  } finally {
    await Promise.all(copies.map((copy) => copy.remove()));
  }
  print(`\n${table(chosen.map((part) => row(part, unseen)))}`);
  return unseen.length === 0;
}

/** Tests that fail anyhow would see everything. */
async function assertWholeIsGreen({ folder }: BrokenCopy, chosen: readonly MutatedPart[]): Promise<void> {
  const tests = chosen.flatMap((part) => part.tests);
  const verdict = await runTests(folder, tests, timeLimitMs);
  if (verdict !== 'passed') throw new Error(`the tests ${verdict === 'late' ? 'take too long' : 'fail'} unbroken`);
}

/** Takes from what waits until nothing does; another copy takes from it meanwhile. */
async function tryAll(copy: BrokenCopy, waiting: Try[], unseen: Try[]): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { part, mutation } = next;
    const mend = await copy.break(mutation);
    const verdict = await runTests(copy.folder, part.tests, timeLimitMs);
    await mend();
    if (verdict === 'failed') continue;
    unseen.push(next);
    const problem = verdict === 'late' ? `not seen within ${timeLimitMs / 1000} s` : 'NOT SEEN';
    print(`${problem}: ${part.name}, src/${mutation.file}: ${mutation.means}\n  ${mutation.from}\n→ ${mutation.to}`);
  }
}

function row(part: MutatedPart, unseen: readonly Try[]): Readonly<Record<string, string | number>> {
  const breaks = part.mutations.length;
  return { part: part.name, breaks, seen: breaks - unseen.filter((one) => one.part === part).length };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await runTool({ usage, flags: {}, choices: parts, run: (_, chosen) => mutate(chosen) });
