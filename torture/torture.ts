import { parseArgs } from 'node:util';
import { table, type Row } from '../bench/table.ts';
import { BrokenCopy } from './broken-copy.ts';
import { isGood, type Fault, type FaultResult } from './fault.ts';
import { faults } from './faults.ts';
import { hostileInput } from './hostile-input.ts';

const usage = `npm run torture -- [--requests N] [--minutes N] [--idle N] [--seed N] [--only N] [--quick] [--prove] [hostile | name of a fault ...]

  --requests, --minutes  the hostile input ends when either is reached; default 100000 and 10
  --idle                 connections that say nothing meanwhile, default 10000
  --seed, --only         the same requests again; that one request again
  --quick                each fault a few times only
  --prove                each fault once more on a copy whose guard is broken: that row must not be good`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '10' },
    idle: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<boolean> {
  if (values.help) return print(usage);
  const chosen = faults.filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  if (values.prove) return proveAll(chosen);
  const wantsHostile = positionals.length === 0 || positionals.includes('hostile');
  const hostileGood = wantsHostile ? await hostile() : true;
  return (await faultTable(chosen)) && hostileGood;
}

async function hostile(): Promise<boolean> {
  const seed = Number(values.seed);
  print(`## Hostile input, seed ${seed}\n`);
  const { answers, violations, ...figures } = await hostileInput({
    seed,
    requests: Number(values.requests),
    timeMs: Number(values.minutes) * 60_000,
    idleConnections: Number(values.idle),
    healthyWithinMs: 200,
    ...(values.only !== undefined && { only: Number(values.only) }),
  });
  print(
    table(
      [
        ...Object.entries(figures),
        ...Object.entries(answers).map(([status, count]) => [`answered ${status}`, count] as const),
      ].map(([what, figure]) => ({ what, figure: typeof figure === 'number' ? Math.round(figure) : figure })),
    ),
  );
  for (const violation of violations) print(`\nFOUND: ${violation}`);
  return violations.length === 0;
}

async function faultTable(chosen: readonly Fault[]): Promise<boolean> {
  const rows: Row[] = [];
  let good = true;
  for (const fault of chosen) {
    const result = await fault.run({ quick: values.quick });
    good &&= isGood(result);
    rows.push(row(fault.name, result));
    process.stderr.write(`${isGood(result) ? 'good' : 'BAD '} ${fault.name}\n`);
    for (const problem of result.problems) print(`FOUND, ${fault.name}: ${problem}`);
  }
  if (rows.length > 0) print(`\n## Faults\n\n${table(rows)}`);
  return good;
}

/** Good if no fault is good with its guard broken. */
async function proveAll(chosen: readonly Fault[]): Promise<boolean> {
  const copy = await BrokenCopy.make();
  const rows: Row[] = [];
  try {
    for (const fault of chosen) {
      const mend = await copy.break(fault.guard);
      const result = await fault.run({ quick: true, main: copy.main });
      await mend();
      const found =
        result.skipped ?? (isGood(result) ? 'NOTHING' : (result.problems[0]?.split('\n')[0]?.slice(0, 90) ?? ''));
      rows.push({ fault: fault.name, broken: fault.guard.file, found });
      process.stderr.write(`${found === 'NOTHING' ? 'BAD ' : 'good'} ${fault.name}: ${found}\n`);
    }
  } finally {
    await copy.remove();
  }
  print(`\n## Faults, each with a guard broken\n\n${table(rows)}`);
  return rows.every(({ found }) => found !== 'NOTHING');
}

function row(fault: string, { tried, survived, lost, recoverMs, skipped }: FaultResult): Row {
  const sorted = [...recoverMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const recover = median === undefined ? (skipped ?? '') : `${median.toFixed()} (≤ ${sorted.at(-1)!.toFixed()})`;
  return { fault, tried, survived, 'effects lost': lost, 'time to recover, ms': recover };
}

function print(text: string): true {
  process.stdout.write(`${text}\n`);
  return true;
}

// What it started and mounted goes with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
