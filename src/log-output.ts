/** What may wait at most for a reader of the log that does not read, bytes. */
export const maxUnreadBytes = 4 * 1024 * 1024;

export interface LogOutputOptions {
  readonly stream: NodeJS.WritableStream;
  /** Writes text to the stream. */
  readonly write: (lines: string) => void;
  /** Called once the reader has read all that waited, with the number of lines that were dropped before. */
  readonly onReadAgain: (droppedLines: number) => void;
}

/**
 * Keeps the log within bounds when nobody reads it: a pipe whose reader hangs, a terminal that was stopped. Node would hold every
 * line until somebody reads it. Over the bound, lines are dropped until the reader has caught up; then one line tells how many.
 */
export class LogOutput {
  readonly #options: LogOutputOptions;
  #droppedLines = 0;
  #droppedBeforeDrain = 0;

  constructor(options: LogOutputOptions) {
    this.#options = options;
    options.stream.on('drain', () => this.#readAgain());
  }

  /** How many lines were dropped since the start. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** @param count how many lines the text has */
  write(lines: string, count: number): void {
    if (this.#droppedBeforeDrain === 0 && unreadBytes(this.#options.stream) <= maxUnreadBytes) {
      this.#options.write(lines);
      return;
    }
    this.#droppedLines += count;
    this.#droppedBeforeDrain += count;
  }

  #readAgain(): void {
    const dropped = this.#droppedBeforeDrain;
    this.#droppedBeforeDrain = 0;
    if (dropped > 0) this.#options.onReadAgain(dropped);
  }
}

/** Every stream of Node's has the number; the interface of the oldest ones lacks it. */
function unreadBytes(stream: NodeJS.WritableStream & { readonly writableLength?: number }): number {
  return stream.writableLength ?? 0;
}
