/** The size of a chunk, which is kept and forgotten as a whole, bytes; less if the whole bound is small. */
const maxChunkBytes = 256 * 1024;

const newline = 0x0a;
const none: readonly Chunk[] = [];

/**
 * Consecutive lines, each with its line end. Only the newest chunk grows, and only at its end: the part that was read does not
 * change.
 */
export interface Chunk {
  readonly bytes: Buffer;
  used: number;
  lines: number;
  readonly firstId: number;
  lastId: number;
  /** The time of the newest line, milliseconds. */
  lastTime: number;
}

/**
 * The newest facts as text, within a bound of bytes. Text takes a third of the memory of objects and none of V8's heap, and
 * searching 64 MiB of it for a name takes some 30 ms.
 */
export class FactRing {
  readonly #chunks: Chunk[] = [];
  /** The buffer of a dropped chunk. Reusing it costs less than having it collected, and keeps the process small. */
  #spare: Buffer | undefined;
  #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes `history.max_size` */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The size of all chunks, including the empty part of the newest one. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All chunks, the oldest first. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  get firstId(): number | undefined {
    return this.#chunks[0]?.firstId;
  }

  get lastId(): number | undefined {
    return this.#chunks.at(-1)?.lastId;
  }

  /** Changes the bound; returns the chunks that were dropped for it. */
  resize(maxBytes: number): readonly Chunk[] {
    this.#maxBytes = maxBytes;
    return this.#makeRoom(0);
  }

  /**
   * Adds a line; returns the chunks that were dropped for it.
   * @param unsaved the first fact whose bytes are still to be written to the disk: they are not overwritten
   */
  append(id: number, time: number, line: string, unsaved = 0): readonly Chunk[] {
    const last = this.#chunks.at(-1);
    if (last !== undefined && hasRoom(last, line)) {
      write(last, id, time, line);
      return none;
    }
    const bytes = Buffer.byteLength(line) + 1;
    const size = Math.max(bytes, Math.min(maxChunkBytes, Math.floor(this.#maxBytes / 8)));
    const gone = this.#makeRoom(size);
    for (const chunk of gone) if (chunk.lastId < unsaved) this.#recycle(chunk);
    const chunk = { bytes: this.#take(size), used: 0, lines: 0, firstId: id, lastId: id, lastTime: time };
    write(chunk, id, time, line);
    this.#chunks.push(chunk);
    this.#bytes += size;
    return gone;
  }

  /** Adds a chunk from the disk that is older than all others; false if there is no room for it. */
  prepend(chunk: Chunk): boolean {
    if (this.#bytes + chunk.bytes.length > this.#maxBytes) return false;
    this.#chunks.unshift(chunk);
    this.#bytes += chunk.bytes.length;
    return true;
  }

  /** Forgets the chunks in which every line is older. */
  forgetBefore(time: number): void {
    while (this.#chunks.length > 0 && this.#chunks[0]!.lastTime < time) this.#forgetFirst();
  }

  /** A reader that still has the chunk finds it empty. */
  #recycle(chunk: Chunk): void {
    chunk.used = 0;
    this.#spare = chunk.bytes;
  }

  #take(size: number): Buffer {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.length === size ? spare : Buffer.allocUnsafeSlow(size);
  }

  #makeRoom(bytes: number): readonly Chunk[] {
    const gone: Chunk[] = [];
    while (this.#chunks.length > 0 && this.#bytes + bytes > this.#maxBytes) gone.push(this.#forgetFirst());
    return gone;
  }

  #forgetFirst(): Chunk {
    const chunk = this.#chunks.shift()!;
    this.#bytes -= chunk.bytes.length;
    return chunk;
  }
}

/** Measuring the bytes costs as much as writing them; usually there is room for three per character. */
function hasRoom({ bytes, used }: Chunk, line: string): boolean {
  const room = bytes.length - used - 1;
  return line.length * 3 <= room || Buffer.byteLength(line) <= room;
}

function write(chunk: Chunk, id: number, time: number, line: string): void {
  const end = chunk.used + chunk.bytes.write(line, chunk.used);
  chunk.bytes[end] = newline;
  chunk.used = end + 1;
  chunk.lines++;
  chunk.lastId = id;
  chunk.lastTime = Math.max(chunk.lastTime, time);
}

/**
 * The lines that contain all of the needles; without needles, all lines. One after the other, since a reader may wait between two for
 * long. They end early if the chunk is dropped meanwhile and its memory is used again: then `used` is 0.
 */
export function* linesWith(chunk: Chunk, needles: readonly Buffer[], newestFirst = false): Iterable<string> {
  const [first, ...others] = needles;
  let [from, to] = [0, chunk.used];
  while (from < to && chunk.used > 0) {
    const text = chunk.bytes.subarray(0, to);
    const hit = newestFirst ? lastHit(text, first) : nextHit(text, first, from);
    if (hit < 0) return;
    const start = hit === 0 ? 0 : text.lastIndexOf(newline, hit - 1) + 1;
    const end = text.indexOf(newline, hit);
    if (newestFirst) to = start;
    else from = end + 1;
    const line = text.subarray(start, end);
    if (others.every((needle) => line.includes(needle))) yield line.toString();
  }
}

function nextHit(text: Buffer, needle: Buffer | undefined, from: number): number {
  return needle === undefined ? from : text.indexOf(needle, from);
}

/** The last character is a line end. */
function lastHit(text: Buffer, needle: Buffer | undefined): number {
  return needle === undefined ? text.length - 1 : text.lastIndexOf(needle);
}
