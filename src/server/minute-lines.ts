import type { Clock } from '../runtime/clock.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';

/** How often the log tells of the same kind of event, at most, milliseconds. */
const quietMs = 60_000;

/** Warnings about what strangers do: one line of a kind a minute; it says how many were not written before it. */
export class MinuteLines {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lastLine = new Map<string, { at: number; unlogged: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @param fields called only for a line that is written: an address costs a call of the system */
  warn(event: string, msg: string, fields: () => LogFields): void {
    const now = this.#clock.now();
    const last = this.#lastLine.get(event) ?? { at: Number.NEGATIVE_INFINITY, unlogged: 0 };
    if (now >= last.at && now - last.at < quietMs) {
      this.#lastLine.set(event, { ...last, unlogged: last.unlogged + 1 });
      return;
    }
    this.#logger.warn(event, msg, { ...fields(), more_since_last_line: last.unlogged });
    this.#lastLine.set(event, { at: now, unlogged: 0 });
  }
}
