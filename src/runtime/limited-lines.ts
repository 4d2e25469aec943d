import type { CancelTimer, Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';
import type { Runtime } from './runtime.ts';

interface LimitedLinesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** The number of lines per second at full level. It is asked each time, so that a reload may change it. */
  readonly perSecond: () => number;
  /** Called at the end of a second with more lines, with the number of further lines and the limit. */
  readonly onOverflow: (fields: { readonly lines: number; readonly per_second: number }) => void;
}

/** Keeps a storm of alerts from becoming a storm of log lines: it allows a number of lines a second, and counts the others. */
export class LimitedLines {
  readonly #options: LimitedLinesOptions;
  #secondStartedAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: LimitedLinesOptions) {
    this.#options = options;
  }

  /** True if one more line may be written now. */
  allows(): boolean {
    const { clock, logger, perSecond } = this.#options;
    // The timer of an overflow ends the second. Until then the time does not matter, and in a storm it costs more than the rest.
    if (this.#cancelTimer !== undefined) return ++this.#lines <= perSecond();
    const now = clock.now();
    if (now < this.#secondStartedAt || now - this.#secondStartedAt >= 1000) {
      this.#secondStartedAt = now;
      this.#lines = 0;
    }
    if (++this.#lines <= perSecond()) return true;
    this.#cancelTimer = clock.setTimeout(this.#endSecond, 1000 - (now - this.#secondStartedAt));
    logger.atEnd.add(this.#endSecond);
    return false;
  }

  /** Counts lines that are left out without asking, because one was refused at the same moment. */
  leaveOut(lines: number): void {
    this.#lines += lines;
  }

  /** Reports the lines that were left out. The end of the app may be before the end of the second. */
  readonly #endSecond = (): void => {
    const { logger, onOverflow, perSecond } = this.#options;
    logger.atEnd.delete(this.#endSecond);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const limit = perSecond();
    // At least one: a reload may have raised the limit meanwhile.
    const lines = Math.max(1, this.#lines - limit);
    this.#lines = 0;
    this.#secondStartedAt = Number.NEGATIVE_INFINITY;
    onOverflow({ lines, per_second: limit });
  };
}

/**
 * Lets one line through in each period, for events that would repeat themselves. A clock that was set far, forward or back,
 * begins a new period.
 */
export class LineOnceAWhile {
  readonly #clock: Clock;
  readonly #periodMs: number;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, periodMs = 60_000) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** True if a line may be written now; it counts as written. */
  allows(): boolean {
    const now = this.#clock.now();
    if (Math.abs(now - this.#writtenAt) < this.#periodMs) return false;
    this.#writtenAt = now;
    return true;
  }
}

/**
 * Warnings about the behaviour of strangers: one line of a kind a minute, with the number of lines that were left out before it.
 */
export class MinuteLines {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #kinds = new Map<string, { readonly line: LineOnceAWhile; unlogged: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @param fields called only for a line that is written, because an address costs a system call */
  warn(event: string, msg: string, fields: () => LogFields): void {
    const kind = this.#kinds.get(event) ?? { line: new LineOnceAWhile(this.#clock), unlogged: 0 };
    this.#kinds.set(event, kind);
    if (!kind.line.allows()) kind.unlogged++;
    else {
      this.#logger.warn(event, msg, { ...fields(), more_since_last_line: kind.unlogged });
      kind.unlogged = 0;
    }
  }
}
