/** So much of a text is looked at, bytes: larger label sets are rare, and hash alike if they begin alike and are of one length. */
const hashedBytes = 8192;

/**
 * Hashes of ASCII texts, 32 bits: four bytes at a time, which is several times as fast as V8 hashes a string. Whoever wants to
 * can find texts with the same hash: it may only serve to guess.
 */
export class TextHash {
  readonly #view: DataView;

  /** @param bytes the texts, in a body for example */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The same for a text of its own, whatever is in it: of other characters the low byte counts. */
  static of(text: string): number {
    const bytes = Buffer.from(text.slice(0, hashedBytes).padEnd(4), 'latin1');
    return new TextHash(bytes).#of(0, bytes.length, text.length);
  }

  /** Of the bytes from `from` up to `end`, at least four. */
  of(from: number, end: number): number {
    return this.#of(from, Math.min(end, from + hashedBytes), end - from);
  }

  #of(from: number, end: number, length: number): number {
    const view = this.#view;
    const last = end - 4;
    let hash = length;
    for (let at = from; at < last; at += 4) hash = mix(hash, view.getInt32(at, true));
    // The last four are whole, however many of them have been taken already.
    hash = mix(hash, view.getInt32(last, true));
    return hash ^ (hash >>> 15);
  }
}

/** The factor is the odd number next to 2^32 divided by the golden ratio. */
function mix(hash: number, word: number): number {
  return Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
}
