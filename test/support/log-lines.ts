import { systemClock } from '../../src/runtime/clock.ts';

/** One line of Tocsin's JSON log. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

interface Waiter {
  readonly matches: (line: LogLine) => boolean;
  readonly settle: (outcome: LogLine | Error) => void;
}

/** The log of a process as a test reads it: every line so far, and promises of future lines. */
export class LogLines {
  readonly all: LogLine[] = [];
  readonly #waiters = new Set<Waiter>();
  #ended: string | undefined;

  /** Adds a line of output; text that is not a JSON object is not a log line and is ignored. */
  add(text: string): void {
    const line = parseLine(text);
    if (line === undefined) return;
    this.all.push(line);
    for (const waiter of this.#waiters) if (waiter.matches(line)) waiter.settle(line);
  }

  /** No more lines will come: pending promises reject with `why`. */
  end(why: string): void {
    this.#ended = why;
    for (const waiter of this.#waiters) waiter.settle(this.#notFound(why));
  }

  /**
   * The first line that matches, whether it is already there or still to come. Rejects, with the last lines, after `timeoutMs` or
   * when the log ends.
   * @param from skips this many lines; pass `all.length` for a future line
   */
  async waitForLine(matches: (line: LogLine) => boolean, timeoutMs = 30_000, from = 0): Promise<LogLine> {
    const found = this.all.slice(from).find(matches);
    if (found !== undefined) return found;
    if (this.#ended !== undefined) throw this.#notFound(this.#ended);
    return this.#wait(matches, timeoutMs);
  }

  #wait(matches: (line: LogLine) => boolean, timeoutMs: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: LogLine | Error): void => {
        cancel();
        this.#waiters.delete(waiter);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const waiter = { matches, settle };
      const cancel = systemClock.setTimeout(() => settle(this.#notFound(`within ${timeoutMs} ms`)), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  #notFound(why: string): Error {
    const last = this.all.slice(-50).map((line) => JSON.stringify(line));
    return new Error(`no such log line, ${why}; the last lines:\n${last.join('\n')}`);
  }
}

function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
