import { table, type Row } from '../bench/table.ts';
import { positiveNumber, runTool, UsageError, wholeNumber } from '../test/support/run-tool.ts';
import { BrokenCopy } from './broken-copy.ts';
import { areGood, guardsOf, isGood, type Fault, type FaultResult } from './fault.ts';
import { faults } from './faults.ts';
import { hostileInput, type HostileOptions } from './hostile-input.ts';

const usage = `npm run torture -- [--requests N] [--minutes N] [--idle N] [--seed N] [--only N] [--quick] [--prove] [hostile | fault ...]

  fault                  ${faults.map(({ name }) => name).join('\n                         ')}
                         or a piece of such a name; default: all of it
  --requests, --minutes  the hostile input ends when either is reached; default 100000 and 10
  --idle                 connections that say nothing meanwhile, default 10000
  --seed, --only         the same requests again; that one request again
  --quick                each fault a few times only
  --prove                each fault once more on a copy whose guard is broken: that row must not be good`;

const flags = {
  requests: { type: 'string', default: '100000' },
  minutes: { type: 'string', default: '10' },
  idle: { type: 'string', default: '10000' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  prove: { type: 'boolean', default: false },
} as const;

type Values = Readonly<Record<'requests' | 'minutes' | 'idle' | 'seed', string>> & {
  readonly only?: string;
  readonly quick: boolean;
  readonly prove: boolean;
};

const hostile = { name: 'hostile' };

async function torture(values: Values, chosen: readonly (Fault | typeof hostile)[]): Promise<boolean> {
  const options = hostileOptions(values);
  const chosenFaults = chosen.filter((each) => 'guard' in each);
  if (values.prove) return proveAll(chosenFaults);
  const hostileGood = chosen.includes(hostile) ? await attack(options) : true;
  const faultsGood = chosenFaults.length > 0 ? await faultTable(chosenFaults, values.quick) : true;
  return hostileGood && faultsGood;
}

function hostileOptions({ seed, requests, minutes, idle, only }: Values): HostileOptions {
  return {
    seed: wholeNumber('seed', seed, 0),
    requests: wholeNumber('requests', requests, 1),
    timeMs: positiveNumber('minutes', minutes) * 60_000,
    idleConnections: wholeNumber('idle', idle, 0),
    healthyWithinMs: 200,
    ...(only !== undefined && { only: wholeNumber('only', only, 0) }),
  };
}

async function attack(options: HostileOptions): Promise<boolean> {
  print(`## Hostile input, seed ${options.seed}\n`);
  const { answers, violations, ...figures } = await hostileInput(options);
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

async function faultTable(chosen: readonly Fault[], quick: boolean): Promise<boolean> {
  const results: FaultResult[] = [];
  const rows: Row[] = [];
  for (const fault of chosen) {
    const result = await fault.run({ quick });
    results.push(result);
    rows.push(row(fault.name, result));
    process.stderr.write(`${isGood(result) ? 'good' : 'BAD '} ${fault.name}\n`);
    for (const problem of result.problems) print(`FOUND, ${fault.name}: ${problem}`);
  }
  print(`\n## Faults\n\n${table(rows)}`);
  const counted = rowsOfCounts(chosen, results);
  if (counted.length > 0) print(`\n## What must not happen\n\n${table(counted)}`);
  return areGood(results);
}

/** Good if every fault that was tried fails with its guard broken, and at least one was tried. */
async function proveAll(chosen: readonly Fault[]): Promise<boolean> {
  if (chosen.length === 0)
    throw new UsageError('--prove breaks the guards of faults, and hostile has none: name a fault');
  const copy = await BrokenCopy.make();
  const rows: Row[] = [];
  let tried = 0;
  try {
    for (const fault of chosen) {
      const mends: (() => Promise<void>)[] = [];
      for (const guard of guardsOf(fault)) mends.push(await copy.break(guard));
      const result = await fault.run({ quick: true, main: copy.main });
      for (const mend of mends.toReversed()) await mend();
      tried += result.tried;
      const found =
        result.skipped ?? (isGood(result) ? 'NOTHING' : (result.problems[0]?.split('\n')[0]?.slice(0, 90) ?? ''));
      rows.push({
        fault: fault.name,
        broken: guardsOf(fault)
          .map(({ file }) => file)
          .join(', '),
        found,
      });
      process.stderr.write(`${found === 'NOTHING' ? 'BAD ' : 'good'} ${fault.name}: ${found}\n`);
    }
  } finally {
    await copy.remove();
  }
  print(`\n## Faults, each with a guard broken\n\n${table(rows)}`);
  return tried > 0 && rows.every(({ found }) => found !== 'NOTHING');
}

/** Every row has every column. */
function rowsOfCounts(chosen: readonly Fault[], results: readonly FaultResult[]): readonly Row[] {
  const columns = new Set(results.flatMap(({ counts = {} }) => Object.keys(counts)));
  return results.flatMap(({ counts }, index) => {
    if (counts === undefined) return [];
    const cells = [...columns].map((column) => [column, counts[column] ?? ''] as const);
    return [{ fault: chosen[index]!.name, ...Object.fromEntries(cells) }];
  });
}

function row(fault: string, { tried, survived, lost, recoverMs, skipped }: FaultResult): Row {
  const sorted = [...recoverMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const recover = median === undefined ? (skipped ?? '') : `${median.toFixed()} (≤ ${sorted.at(-1)!.toFixed()})`;
  return { fault, tried, survived, 'effects lost': lost, 'time to recover, ms': recover };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Whatever it started and mounted is cleaned up on exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await runTool({ usage, flags, choices: [hostile, ...faults], run: torture });
