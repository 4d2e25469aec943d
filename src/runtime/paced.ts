import type { Clock } from './clock.ts';

export interface Pace {
  /** So many calls within one window come at the end of the turn of the event loop in which they were asked for. */
  readonly calls: number;
  /** All further ones are one, when the window ends; milliseconds. */
  readonly windowMs: number;
}

/** Puts calls off: after quiet only to the end of the turn, and under load many become few. One may wait at a time. */
export function paced(
  clock: Clock,
  { calls, windowMs }: Pace,
  soon: (run: () => void) => void,
): (run: () => void) => void {
  let windowStartedAt = Number.NEGATIVE_INFINITY;
  let called = 0;
  return (run) => {
    const now = clock.now();
    // A clock that was set back puts nothing off.
    if (now < windowStartedAt || now >= windowStartedAt + windowMs) {
      windowStartedAt = now;
      called = 0;
    }
    if (++called <= calls) soon(run);
    else clock.setTimeout(run, windowStartedAt + windowMs - now);
  };
}
