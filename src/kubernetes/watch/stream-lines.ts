/**
 * The lines of a stream, each read while its bytes come, so that none is ever in memory as a whole. Empty lines are left out. What is
 * left at the end without a line feed is half a line, and counts for nothing.
 */
export class StreamLines {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #onChunk: () => void;
  #rest: Uint8Array = new Uint8Array();
  #isEnded = false;

  /** @param onChunk called for each chunk, whatever is in it */
  constructor(stream: AsyncIterable<Uint8Array>, onChunk: () => void) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#onChunk = onChunk;
  }

  /**
   * What `read` makes of the next line, which it has to read to its end; undefined at the end of the stream. Rejects with what `read`
   * or the stream fails with.
   */
  async next<T>(read: (line: AsyncIterable<Uint8Array>) => Promise<T>): Promise<{ readonly value: T } | undefined> {
    await this.#skipBlanks();
    if (this.#isEnded) return undefined;
    try {
      const value = await read(this.#line());
      return this.#isEnded ? undefined : { value };
    } catch (error) {
      if (this.#isEnded) return undefined;
      throw error;
    }
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #skipBlanks(): Promise<void> {
    for (;;) {
      const start = this.#rest.findIndex((byte) => !blanks.has(byte));
      if (start !== -1) return void (this.#rest = this.#rest.subarray(start));
      if (!(await this.#fetch())) return;
    }
  }

  async *#line(): AsyncGenerator<Uint8Array, void> {
    for (let more = this.#rest.length > 0; more; more = await this.#fetch()) {
      const end = this.#rest.indexOf(lineFeed);
      const part = end === -1 ? this.#rest : this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end === -1 ? this.#rest.length : end + 1);
      if (part.length > 0) yield part;
      if (end !== -1) return;
    }
  }

  async #fetch(): Promise<boolean> {
    const next = await this.#chunks.next();
    this.#isEnded = next.done === true;
    if (next.done === true) return false;
    this.#onChunk();
    this.#rest = next.value;
    return true;
  }
}

const lineFeed = 0x0a;
const blanks: ReadonlySet<number> = new Set([lineFeed, 0x0d, 0x20, 0x09]);
