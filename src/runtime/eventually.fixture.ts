import { systemClock } from './clock.ts';

/**
 * Asks again until the answer is accepted, `restMs` after the last answer. It is for the effects of another process; within this process
 * there is always something to await instead. Rejects after `timeoutMs` with the last answer or error.
 */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  accept: (answer: T) => boolean,
  timeoutMs = 30_000,
  restMs = 20,
): Promise<T> {
  const deadline = systemClock.now() + timeoutMs;
  for (;;) {
    const outcome = await attempt(ask);
    if ('answer' in outcome && accept(outcome.answer)) return outcome.answer;
    if (systemClock.now() >= deadline) throw notAccepted(outcome, timeoutMs);
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, restMs));
  }
}

type Outcome<T> = { readonly answer: T } | { readonly error: unknown };

async function attempt<T>(ask: () => Promise<T> | T): Promise<Outcome<T>> {
  try {
    return { answer: await ask() };
  } catch (error) {
    return { error }; // it may not be there yet
  }
}

function notAccepted(outcome: Outcome<unknown>, timeoutMs: number): Error {
  if ('error' in outcome) return new Error(`still an error after ${timeoutMs} ms`, { cause: outcome.error });
  return new Error(`not accepted within ${timeoutMs} ms; the last answer: ${JSON.stringify(outcome.answer)}`);
}
