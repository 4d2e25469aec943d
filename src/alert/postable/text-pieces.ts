/** A part of a text, and where it stands. */
export interface Piece {
  readonly text: string;
  readonly from: number;
  readonly end: number;
}

const quoteMark = 0x22;

/**
 * Takes a text apart from its beginning to its end. Each method takes the piece at the present place and goes behind it and
 * what is to follow; undefined, or false, if that does not stand there, and then the place does not change.
 */
export class TextPieces {
  readonly #text: string;
  #at: number;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#at = from;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  pass(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  /** An object of texts, at least one: to the first place at which a text can end it and `next` follows. */
  objectBefore(next: string): Piece | undefined {
    const text = this.#text;
    const from = this.#at;
    let end = text.indexOf('}', from);
    while (end >= 0 && !(text.charCodeAt(end - 1) === quoteMark && text.startsWith(next, end + 1)))
      end = text.indexOf('}', end + 1);
    if (end < 0) return undefined;
    this.#at = end + 1 + next.length;
    return { text: text.slice(from, end + 1), from, end: end + 1 };
  }

  charactersBefore(count: number, next: string): string | undefined {
    return this.#before(this.#at + count, next);
  }

  /** To the next quote, with which `next` begins. */
  upTo(next: string): string | undefined {
    const end = this.#text.indexOf('"', this.#at);
    return end < 0 ? undefined : this.#before(end, next);
  }

  #before(end: number, next: string): string | undefined {
    if (!this.#text.startsWith(next, end)) return undefined;
    const piece = this.#text.slice(this.#at, end);
    this.#at = end + next.length;
    return piece;
  }
}
