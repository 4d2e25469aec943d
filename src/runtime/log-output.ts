import type { Clock } from './clock.ts';

/** What may wait at most for a reader of the log that does not read, bytes. */
export const maxUnreadBytes = 4 * 1024 * 1024;

/** What is gathered at most before it is written, characters. */
const maxGathered = 64 * 1024;

interface LogOutputOptions {
  readonly stream: NodeJS.WritableStream;
  /** Writes text to the stream. */
  readonly write: (lines: string) => void;
  /**
   * When to write what has been gathered, such as `setImmediate`: the lines of one turn of the event loop then are one write,
   * and a write is more than half of what the line of a POST costs. Default: every line at once.
   */
  readonly defer?: ((write: () => void) => void) | undefined;
  /** Called once the reader has read all that waited, with the number of lines that were dropped before. */
  readonly onReadAgain: (droppedLines: number) => void;
}

/**
 * Gathers lines into few writes, and keeps them within bounds when nobody reads the log: a pipe whose reader hangs, a terminal that
 * was stopped. Node would hold every line until somebody reads it. Over the bound, lines are dropped until the reader has caught up;
 * then one line tells how many.
 */
export class LogOutput {
  readonly #options: LogOutputOptions;
  #gathered = '';
  #gatheredLines = 0;
  #droppedLines = 0;
  /** Of those, the ones that no line of the log has told yet. */
  #untoldLines = 0;

  constructor(options: LogOutputOptions) {
    this.#options = options;
    options.stream.on('drain', () => this.#readAgain());
  }

  /** How many lines were dropped since the start. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** @param isUrgent true if the process may end next: nothing is put off then */
  add(line: string, isUrgent: boolean): void {
    const { defer } = this.#options;
    const isFirst = ++this.#gatheredLines === 1;
    this.#gathered = isFirst ? line : `${this.#gathered}\n${line}`;
    if (defer === undefined || isUrgent || this.#gathered.length > maxGathered) this.flush();
    else if (isFirst) defer(() => this.flush());
  }

  /** Writes what was gathered. */
  flush(): void {
    const [lines, count] = [this.#gathered, this.#gatheredLines];
    this.#gathered = '';
    this.#gatheredLines = 0;
    if (count === 0) return;
    if (this.#isRead) return this.#options.write(lines);
    this.#droppedLines += count;
    this.#untoldLines += count;
  }

  /** Once lines were dropped, what follows is dropped too until the reader has caught up: one gap, not many. */
  get #isRead(): boolean {
    return this.#untoldLines === 0 && unreadBytes(this.#options.stream) <= maxUnreadBytes;
  }

  #readAgain(): void {
    const dropped = this.#untoldLines;
    this.#untoldLines = 0;
    if (dropped > 0) this.#options.onReadAgain(dropped);
  }
}

/** Every stream of Node's has the number; the interface of the oldest ones lacks it. */
function unreadBytes(stream: NodeJS.WritableStream & { readonly writableLength?: number }): number {
  return stream.writableLength ?? 0;
}

interface Pace {
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
