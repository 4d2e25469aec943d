import type { TestContext } from 'node:test';
import fc, { type IAsyncProperty } from 'fast-check';

/** `npm run fuzz` sets a longer time, and another seed. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 4);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);

const runsOfRound = 10;
/** How long to look for a smaller example of a failure, in milliseconds. */
const roundLimitMs = 60_000;

/** Tests a property again and again, for `FUZZ_SECONDS` but at least one round. `FUZZ_SEED` repeats a run. */
export async function fuzz<Values>(test: TestContext, property: IAsyncProperty<Values>): Promise<void> {
  test.diagnostic(`seed ${seed}`);
  const endsAt = performance.now() + seconds * 1000;
  let rounds = 0;
  do await fc.assert(property, { seed: seed + rounds++, numRuns: runsOfRound, interruptAfterTimeLimit: roundLimitMs });
  while (performance.now() < endsAt);
  test.diagnostic(`${rounds * runsOfRound} runs`);
}
