/** Lets `burst` requests through at once and one more per interval: the limiter of golang.org/x/time/rate. */
export class TokenBucket {
  readonly intervalMs: number;
  readonly burst: number;
  #tokens: number;
  #at: number | undefined;

  constructor({ intervalMs, burst }: { readonly intervalMs: number; readonly burst: number }) {
    this.intervalMs = intervalMs;
    this.burst = burst;
    this.#tokens = burst;
  }

  /** True if one more request may pass. @param now milliseconds; a clock that goes back brings nothing */
  take(now: number): boolean {
    const passed = Math.max(0, now - (this.#at ?? now));
    this.#at = now;
    this.#tokens = Math.min(this.burst, this.#tokens + passed / this.intervalMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
