import type { Clock } from '../runtime/clock.ts';

/** Between two looks for what is awaited, milliseconds. */
const lookMs = 100;

export function systemPause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, ms));
}

/** Looks again and again; undefined if it has not been there within `timeoutMs`. */
export async function waitFor<T>(
  clock: Clock,
  timeoutMs: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || clock.monotonic() >= deadline) return found;
    await systemPause(clock, lookMs);
  }
}
