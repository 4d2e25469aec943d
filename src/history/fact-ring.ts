/** The size of a chunk, which is kept and forgotten as a whole, bytes; less if the whole bound is small. */
const maxChunkBytes = 256 * 1024;

/** The size of the first chunk, bytes; the next ones double the ring, up to the largest. */
const firstChunkBytes = 16 * 1024;

/** The most that is written to the disk at once, bytes: it stays in memory until then, even if its chunks are dropped meanwhile. */
export const maxLentBytes = 8 * 1024 * 1024;

const newline = 0x0a;
const none: readonly Chunk[] = [];

/**
 * Consecutive lines, each with its line end. Only the newest chunk grows, and only at its end: the part that was read does not
 * change.
 */
export interface Chunk {
  readonly bytes: Buffer;
  used: number;
  /** The bytes of `used` that were handed out for the disk. */
  saved: number;
  lines: number;
  readonly firstId: number;
  lastId: number;
  /** The time of the newest line, milliseconds. */
  lastTime: number;
}

/** Lines that go to the disk. */
interface LentLines {
  readonly pieces: readonly Buffer[];
  readonly firstId: number;
  readonly lastId: number;
}

/**
 * The newest facts as text, within a bound of bytes. Text takes a third of the memory of objects and none of V8's heap, and
 * searching 64 MiB of it for a name takes some 30 ms.
 */
export class FactRing {
  readonly #chunks: Chunk[] = [];
  /** The buffer of a dropped chunk. Reusing it costs less than having it collected, and keeps the process small. */
  #spare: Buffer | undefined;
  /** The chunks that are being written to the disk, and the newest line that was handed out for it. */
  #lent: readonly Chunk[] = [];
  #lentId = 0;
  #unsavedBytes = 0;
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

  /** The size of the lines that {@link lend} would hand out. */
  get unsavedBytes(): number {
    return this.#unsavedBytes;
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

  /** Adds a line; returns the chunks that were dropped for it. */
  append(id: number, time: number, line: string): readonly Chunk[] {
    const last = this.#chunks.at(-1);
    if (last !== undefined && hasRoom(last, line)) {
      this.#unsavedBytes += write(last, id, time, line);
      return none;
    }
    const bytes = Buffer.byteLength(line) + 1;
    // A ring that is nearly empty stays small: with many tenants, most rings are.
    const most = Math.min(maxChunkBytes, Math.floor(this.#maxBytes / 8));
    const size = Math.max(bytes, Math.min(most, Math.max(firstChunkBytes, this.#bytes)));
    const gone = this.#makeRoom(size);
    for (const chunk of gone) this.#recycle(chunk);
    const chunk = { bytes: this.#take(size), used: 0, saved: 0, lines: 0, firstId: id, lastId: id, lastTime: time };
    this.#unsavedBytes += write(chunk, id, time, line);
    this.#chunks.push(chunk);
    this.#bytes += size;
    return gone;
  }

  /**
   * Lines for the disk, the oldest that it has not given out yet; undefined if there are none. Their memory is not overwritten
   * until the caller gives it back.
   */
  lend(): LentLines | undefined {
    const unsaved = this.#chunks.filter(({ used, saved }) => used > saved);
    let bytes = 0;
    this.#lent = unsaved.filter(({ used, saved }, index) => (bytes += used - saved) <= maxLentBytes || index === 0);
    const [first] = this.#lent;
    if (first === undefined) return undefined;
    const firstId = Math.max(first.firstId, this.#lentId + 1);
    this.#lentId = this.#lent.at(-1)!.lastId;
    return { pieces: this.#lent.map((chunk) => this.#unsavedOf(chunk)), firstId, lastId: this.#lentId };
  }

  giveBack(): void {
    this.#lent = [];
  }

  #unsavedOf(chunk: Chunk): Buffer {
    const piece = chunk.bytes.subarray(chunk.saved, chunk.used);
    this.#unsavedBytes -= piece.length;
    chunk.saved = chunk.used;
    return piece;
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
    if (this.#lent.includes(chunk)) return;
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
    this.#unsavedBytes -= chunk.used - chunk.saved;
    return chunk;
  }
}

/** Measuring the bytes costs as much as writing them; usually there is room for three per character. */
function hasRoom({ bytes, used }: Chunk, line: string): boolean {
  const room = bytes.length - used - 1;
  return line.length * 3 <= room || Buffer.byteLength(line) <= room;
}

/** Returns the number of bytes. */
function write(chunk: Chunk, id: number, time: number, line: string): number {
  const bytes = chunk.bytes.write(line, chunk.used);
  chunk.bytes[chunk.used + bytes] = newline;
  chunk.used += bytes + 1;
  chunk.lines++;
  chunk.lastId = id;
  chunk.lastTime = Math.max(chunk.lastTime, time);
  return bytes + 1;
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
