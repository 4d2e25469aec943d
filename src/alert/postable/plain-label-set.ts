const quoteMark = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openingBrace = 0x7b;
const closingBrace = 0x7d;

/**
 * Goes through the JSON of a label set that is written as Prometheus does: without blanks, with at least one label, and with
 * names that are sorted, distinct and free of escapes. If the values have no escapes either, the text is known to be JSON without
 * parsing it. If also no value is empty, the text is the key of its labels.
 */
export class PlainLabelSet {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** The number of labels. */
  count = 0;
  hasEmptyValue = false;
  /** True if a value has escapes, which have not been checked. */
  hasEscapes = false;

  /** @param bytes ASCII */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** True if the bytes from `from` to `end` are exactly one such label set. */
  fills(from: number, end: number): boolean {
    const bytes = this.#bytes;
    this.count = 0;
    this.hasEmptyValue = false;
    this.hasEscapes = false;
    if (bytes[from] !== openingBrace) return false;
    let previous = from;
    let at = from;
    do {
      const name = at + 1;
      const nameEnd = this.#textEnd(name, end);
      if (
        nameEnd < 0 ||
        (this.hasEscapes && bytes.subarray(name, nameEnd).includes(backslash)) ||
        bytes[nameEnd] !== colon
      )
        return false;
      if (this.count > 0 && !this.#isBefore(previous, name)) return false;
      at = this.#textEnd(nameEnd + 1, end);
      if (at < 0 || nameEnd === name + 2) return false;
      if (at === nameEnd + 3) this.hasEmptyValue = true;
      previous = name;
      this.count++;
    } while (bytes[at] === comma);
    return bytes[at] === closingBrace && at === end - 1;
  }

  /** The place behind the closing quote of the text that begins at `from`; -1 if there is none. */
  #textEnd(from: number, end: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== quoteMark) return -1;
    for (let at = this.#skipPlain(from + 1, end); at < end; at++) {
      const byte = bytes[at]!;
      if (byte === quoteMark) return at + 1;
      if (byte < 0x20) return -1;
      if (byte !== backslash) continue;
      this.hasEscapes = true;
      at++;
    }
    return -1;
  }

  /** The place behind the plain characters, or up to three characters before it: it goes four at a time, in half the time. */
  #skipPlain(from: number, end: number): number {
    const view = this.#view;
    const last = end - 4;
    let at = from;
    while (at <= last && !hasSpecial(view.getInt32(at, true))) at += 4;
    return at;
  }

  /** True if the text whose quote is at `a` sorts before the one at `b`. A prefix sorts before a longer text. */
  #isBefore(a: number, b: number): boolean {
    const bytes = this.#bytes;
    let at = 1;
    while (bytes[a + at] === bytes[b + at] && bytes[a + at] !== quoteMark) at++;
    if (bytes[a + at] === quoteMark) return bytes[b + at] !== quoteMark;
    return bytes[b + at] !== quoteMark && bytes[a + at]! < bytes[b + at]!;
  }
}

/** True if one of four ASCII bytes is a quote, a backslash or under 0x20. Only a borrow can set the high bit of a byte. */
function hasSpecial(word: number): boolean {
  const quote = word ^ 0x22222222;
  const escape = word ^ 0x5c5c5c5c;
  const borrows = ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((escape - 0x01010101) & ~escape);
  return (borrows & 0x80808080) !== 0;
}
