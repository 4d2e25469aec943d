/** A verdict that is kept although the answers of Prometheus no longer bear it out, because a push does. */
export interface Hold {
  /** The reason of the condition that is kept. */
  readonly reason: string;
  /** When an answer first contradicted the push, milliseconds. */
  readonly since: number;
}

export interface HoldQuestion {
  /** The reason of the verdict that the answers would make better. */
  readonly reason: string;
  /** True if an alert that leads to it is still pushed as firing. */
  readonly isPushed: boolean;
  readonly now: number;
  /** `prometheus.heal_grace`, milliseconds. */
  readonly graceMs: number;
}

export interface HoldAnswer {
  /** What to remember until the next answer; undefined: nothing. */
  readonly hold: Hold | undefined;
  /** True if the verdict is kept now. */
  readonly isHeld: boolean;
}

/**
 * Whether a verdict is kept that the answers would make better. Pure.
 *
 * Once the grace is over the hold is remembered all the same, until the verdict is another one: should the write fail, the next
 * run must not begin another grace.
 */
export function holdVerdict(earlier: Hold | undefined, { reason, isPushed, now, graceMs }: HoldQuestion): HoldAnswer {
  if (!isPushed) return { hold: undefined, isHeld: false };
  // A hold from the future is from before the clock was set back: nobody knows how old it is.
  const goesOn = earlier !== undefined && earlier.reason === reason && earlier.since <= now;
  const hold = goesOn ? earlier : { reason, since: now };
  return { hold, isHeld: now - hold.since < graceMs };
}
