import { parseArgs } from 'node:util';
import { hostileInput } from './hostile-input.ts';

/** `npm run torture -- [--requests N] [--minutes N] [--idle N] [--seed N] [--only N]` */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: 'string', default: '100000' },
      minutes: { type: 'string', default: '10' },
      idle: { type: 'string', default: '10000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      only: { type: 'string' },
    },
  });
  const seed = Number(values.seed);
  print(`hostile input, seed ${seed}`);
  const result = await hostileInput({
    seed,
    requests: Number(values.requests),
    timeMs: Number(values.minutes) * 60_000,
    idleConnections: Number(values.idle),
    healthyWithinMs: 1000,
    ...(values.only !== undefined && { only: Number(values.only) }),
  });
  print(JSON.stringify(result, undefined, 1));
  return result.violations.length > 0 ? 1 : 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
