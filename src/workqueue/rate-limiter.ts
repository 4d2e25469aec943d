export interface RateLimiterOptions {
  /** The delay before the first retry. Defaults to 5 ms, as in client-go. */
  readonly baseMs?: number;
  /** The longest delay. Defaults to 1000 s, as in client-go. */
  readonly maxMs?: number;
  /** From 0 to 1, exclusive. It spreads keys that failed together: a delay is shortened by up to a fifth. */
  readonly random?: () => number;
}

/**
 * The time that a failed key has to wait: twice as long after each failure in a row (client-go's
 * ItemExponentialFailureRateLimiter).
 */
export class RateLimiter {
  readonly #failures = new Map<string, number>();
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;

  constructor({ baseMs = 5, maxMs = 1_000_000, random = Math.random }: RateLimiterOptions = {}) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Counts a failure of the key and returns the delay before its next try, milliseconds. */
  when(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(this.#baseMs * 2 ** failures, this.#maxMs);
    return delayMs * (1 - 0.2 * this.#random());
  }

  /** The number of failures of the key in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Call it when the key is well again, or gone. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
}
