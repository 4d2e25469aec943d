import type { TestContext } from 'node:test';
import fc, { type IAsyncProperty } from 'fast-check';

/** `npm run fuzz` sets more, and another seed. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 4);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);

const runsOfRound = 10;
/** For so long, milliseconds, a smaller example of a failure is looked for. */
const roundLimitMs = 60_000;

/** Tries a property again and again, for `FUZZ_SECONDS` but for one round at least. `FUZZ_SEED` repeats what was tried. */
export async function fuzz<Values>(test: TestContext, property: IAsyncProperty<Values>): Promise<void> {
  test.diagnostic(`seed ${seed}`);
  const endsAt = performance.now() + seconds * 1000;
  let rounds = 0;
  do await fc.assert(property, { seed: seed + rounds++, numRuns: runsOfRound, interruptAfterTimeLimit: roundLimitMs });
  while (performance.now() < endsAt);
  test.diagnostic(`${rounds * runsOfRound} runs`);
}
