const quoteMark = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openingBrace = 0x7b;
const closingBrace = 0x7d;

/**
 * Goes through the JSON of a label set that is written as Prometheus does: no blanks, at least one label, names without
 * escapes, in their order and none twice. Without escapes in the values either it is known to be JSON without parsing it,
 * and it is the key of its labels, if no value is empty.
 */
export class PlainLabelSet {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** How many labels. */
  count = 0;
  hasEmptyValue = false;
  /** True if a value has escapes, which nobody has looked at. */
  hasEscapes = false;

  /** @param bytes ASCII */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** True if the bytes from `from` up to `end` are one. */
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

  /** Behind the closing quote of the text that begins at `from`; -1 if there is none. */
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

  /** Behind as many plain characters as there are, or up to three fewer: four at a time, which takes half as long. */
  #skipPlain(from: number, end: number): number {
    const view = this.#view;
    const last = end - 4;
    let at = from;
    while (at <= last && !hasSpecial(view.getInt32(at, true))) at += 4;
    return at;
  }

  /** True if the text whose quote is at `a` comes before the one at `b`; one that is the start of the other does. */
  #isBefore(a: number, b: number): boolean {
    const bytes = this.#bytes;
    let at = 1;
    while (bytes[a + at] === bytes[b + at] && bytes[a + at] !== quoteMark) at++;
    if (bytes[a + at] === quoteMark) return bytes[b + at] !== quoteMark;
    return bytes[b + at] !== quoteMark && bytes[a + at]! < bytes[b + at]!;
  }
}

/** True if one of four ASCII bytes is a quote, a backslash or under 0x20. The high bit of a byte is set by a borrow alone. */
function hasSpecial(word: number): boolean {
  const quote = word ^ 0x22222222;
  const escape = word ^ 0x5c5c5c5c;
  const borrows = ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((escape - 0x01010101) & ~escape);
  return (borrows & 0x80808080) !== 0;
}
