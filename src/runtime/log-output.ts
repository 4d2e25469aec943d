import type { Clock } from './clock.ts';

/** The most text that waits for a reader of the log that does not read, bytes. */
export const maxUnreadBytes = 4 * 1024 * 1024;

/** The most text that is collected before a write, characters. */
const maxGathered = 64 * 1024;

interface LogOutputOptions {
  readonly stream: NodeJS.WritableStream;
  /** Writes text to the stream. */
  readonly write: (lines: string) => void;
  /**
   * Schedules the write of collected lines, such as `setImmediate`. Then the lines of one turn of the event loop are one write; a
   * write is more than half of the cost of the line of a POST. Default: every line at once.
   */
  readonly defer?: ((write: () => void) => void) | undefined;
  /** Called once the reader has read everything that waited, with the number of lines that were dropped before. */
  readonly onReadAgain: (droppedLines: number) => void;
}

/**
 * Collects lines into few writes, and bounds them if nobody reads the log: a pipe whose reader hangs, a stopped terminal. Node
 * would hold every line until somebody reads it. Over the bound it drops lines until the reader has caught up; then one line
 * reports how many.
 */
export class LogOutput {
  readonly #options: LogOutputOptions;
  #gathered = '';
  #gatheredLines = 0;
  #droppedLines = 0;
  /** The dropped lines that no line of the log has reported yet. */
  #untoldLines = 0;

  constructor(options: LogOutputOptions) {
    this.#options = options;
    options.stream.on('drain', () => this.#readAgain());
  }

  /** The number of lines dropped since the start. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** @param isUrgent true if the process may end next: then nothing is deferred */
  add(line: string, isUrgent: boolean): void {
    const { defer } = this.#options;
    const isFirst = ++this.#gatheredLines === 1;
    this.#gathered = isFirst ? line : `${this.#gathered}\n${line}`;
    if (defer === undefined || isUrgent || this.#gathered.length > maxGathered) this.flush();
    else if (isFirst) defer(() => this.flush());
  }

  /** Writes the collected lines. */
  flush(): void {
    const [lines, count] = [this.#gathered, this.#gatheredLines];
    this.#gathered = '';
    this.#gatheredLines = 0;
    if (count === 0) return;
    if (this.#isRead) return this.#options.write(lines);
    this.#droppedLines += count;
    this.#untoldLines += count;
  }

  /** After lines were dropped, all further ones are dropped too until the reader has caught up: one gap, not many. */
  get #isRead(): boolean {
    return this.#untoldLines === 0 && unreadBytes(this.#options.stream) <= maxUnreadBytes;
  }

  #readAgain(): void {
    const dropped = this.#untoldLines;
    this.#untoldLines = 0;
    if (dropped > 0) this.#options.onReadAgain(dropped);
  }
}

/** Every stream of Node has this number, but the oldest stream interface lacks it. */
function unreadBytes(stream: NodeJS.WritableStream & { readonly writableLength?: number }): number {
  return stream.writableLength ?? 0;
}

interface Pace {
  /** The number of calls in a window that are made at the end of the turn of the event loop in which they were requested. */
  readonly calls: number;
  /** All further calls become one call at the end of the window; milliseconds. */
  readonly windowMs: number;
}

/** Defers calls: only to the end of the turn if it was quiet; under load, many become few. At most one waits at a time. */
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
