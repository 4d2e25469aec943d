import type { CancelTimer, Clock } from './clock.ts';

export interface LineLimiterOptions {
  readonly clock: Clock;
  /** Lines that may be written at full level in one second. */
  readonly perSecond: number;
  /** Called at the end of a second in which there were more, with how many more. */
  readonly onOverflow: (lines: number) => void;
}

/** Keeps a storm of alerts from becoming a storm of log lines: so many a second, then only how many there were besides. */
export class LineLimiter {
  readonly #options: LineLimiterOptions;
  /** Lines that may be written at full level in one second. */
  perSecond: number;
  #secondStartedAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: LineLimiterOptions) {
    this.#options = options;
    this.perSecond = options.perSecond;
  }

  /** True if one more line may be written now. */
  allows(): boolean {
    const { clock } = this.#options;
    const now = clock.now();
    const inSecond = now >= this.#secondStartedAt && now - this.#secondStartedAt < 1000;
    if (this.#cancelTimer === undefined && !inSecond) {
      this.#secondStartedAt = now;
      this.#lines = 0;
    }
    if (++this.#lines <= this.perSecond) return true;
    this.#cancelTimer ??= clock.setTimeout(() => this.flush(), 1000 - (now - this.#secondStartedAt));
    return false;
  }

  /** Reports what has not been reported yet, and leaves no timer behind. */
  flush(): void {
    if (this.#cancelTimer === undefined) return;
    this.#cancelTimer();
    this.#cancelTimer = undefined;
    // At least one: it may have become more lines a second meanwhile.
    const more = Math.max(1, this.#lines - this.perSecond);
    this.#lines = 0;
    this.#secondStartedAt = Number.NEGATIVE_INFINITY;
    this.#options.onOverflow(more);
  }
}
