/** Cancels a timer that {@link Clock.setTimeout} set. Cancelling twice, or after it fired, does nothing. */
export type CancelTimer = () => void;

/**
 * The only source of time. Everything that waits or compares times gets a clock, so that a test can move time by hand. Times are
 * milliseconds since the Unix epoch, with a fraction if a sender gave one.
 */
export interface Clock {
  now(): number;
  /**
   * Milliseconds with a fraction since an unknown moment; compare them only with each other. They advance evenly while {@link
   * now} is set forward or back.
   */
  monotonic(): number;
  /** Runs `callback` once, `delayMs` from now (0 or less: in the next turn of the event loop). */
  setTimeout(callback: () => void, delayMs: number): CancelTimer;
}

/** The longest delay that Node accepts; a longer one would fire after a millisecond. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. Delays of any length work, even those longer than the 24.8 days that a Node timer can wait. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, delayMs) {
    let timer: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const nextMs = Math.min(remainingMs, longestTimerMs);
      timer = setTimeout(() => (remainingMs > nextMs ? arm(remainingMs - nextMs) : callback()), nextMs);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
