/**
 * Hashes of pieces of a body, 32 bits: four bytes at a time, which is several times as fast as V8 hashes a string. Whoever
 * wants to can find pieces with the same hash: it may only serve to guess.
 */
export class TextHash {
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Of the bytes from `from` up to `end`, at least four. */
  of(from: number, end: number): number {
    const view = this.#view;
    const last = end - 4;
    let hash = end - from;
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
