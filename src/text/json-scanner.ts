import type { Sliced } from '../runtime/slices.ts';

/** A text is not JSON, or not the expected JSON; the message says where and why. */
export class JsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonError';
  }
}

/** The number of characters read in one step: far less than a millisecond of work. */
export const charactersPerStep = 65_536;

/**
 * The number of characters that the scanner always sees ahead while more text may come. No escape is longer, and no token but a
 * string or a number.
 */
const sight = 8;

/** The longest number that is kept of a text that comes in pieces, in characters. No number that is of use is longer. */
const longestNumber = 1024;

const words = ['true', 'false', 'null'];

const quoteMark = 0x22;
const backslash = 0x5c;

/**
 * Goes through a text token by token, at most {@link charactersPerStep} in one step. Throws JsonError. The text is given whole,
 * or in pieces while it is being read; the scanner frees what it has passed.
 */
export class JsonScanner {
  #text: string;
  #position = 0;
  /** The number of characters that came before those in {@link #text}. */
  #before = 0;
  #isWhole: boolean;
  /** The beginning of the current number; undefined if there is none. */
  #numberAt: number | undefined;
  /** The end of the current step. */
  #stepEnd: number;
  /** True if the last piece of a string has neither escapes nor control characters. */
  #isPlain = true;

  /** @param text undefined: the text comes through {@link append} */
  constructor(text?: string) {
    this.#text = text ?? '';
    this.#isWhole = text !== undefined;
    this.#stepEnd = this.#isWhole ? charactersPerStep : 0;
  }

  /** True if the step ended because the present text has been read: the next step needs the next piece. */
  get wantsText(): boolean {
    return !this.#isWhole && this.#position >= this.#stepEnd;
  }

  /** Takes the next piece of the text, at most {@link charactersPerStep} characters. */
  append(text: string): void {
    const from = this.#numberAt ?? this.#position;
    if (this.#position - from > longestNumber) {
      throw new JsonError(`the number at character ${this.#before + from} has more than ${longestNumber} characters`);
    }
    this.#before += from;
    this.#position -= from;
    if (this.#numberAt !== undefined) this.#numberAt = 0;
    this.#text = this.#text.slice(from) + text;
    this.#stepEnd = this.#text.length - sight;
  }

  /** Ends the text: the last piece has come. */
  finish(): void {
    this.#isWhole = true;
    this.#stepEnd = this.#position + charactersPerStep;
  }

  /** The next character; NaN at the end of the text. */
  get code(): number {
    return this.#text.charCodeAt(this.#position);
  }

  get atQuote(): boolean {
    return this.code === quoteMark;
  }

  isNext(token: string): boolean {
    return this.#text.startsWith(token, this.#position);
  }

  /** Passes over characters that are in sight. */
  pass(count = 1): void {
    this.#position += count;
  }

  /** Throws: the text has something else at the present position. */
  fail(expected: string): never {
    const found = this.#text.codePointAt(this.#position);
    const what = found === undefined ? 'the end of the body' : JSON.stringify(String.fromCodePoint(found));
    throw new JsonError(`at character ${this.#before + this.#position} there is ${what}, expected ${expected}`);
  }

  /** Passes over blanks. True if the step ends before they do: then the caller yields and calls again. */
  stopsInBlanks(): boolean {
    return this.#stopsIn(isBlank);
  }

  /**
   * The next piece of a string, escapes resolved, up to its closing quote or to the end of the step. At the end of the step, the
   * caller yields and calls again. A surrogate pair may be split over two pieces.
   */
  piece(): string {
    const start = this.#position;
    this.#position = this.#pieceEnd();
    if (!this.atQuote) this.#nextStep();
    return unescaped(this.#text.slice(start, this.#position), this.#before + start);
  }

  /** Checks the next piece of a string and passes over it, as {@link piece} would. */
  passPiece(): void {
    const start = this.#position;
    this.#position = this.#pieceEnd();
    if (!this.atQuote) this.#nextStep();
    if (this.#isPlain) return;
    unescaped(this.#text.slice(start, this.#position), this.#before + start);
  }

  /** A number, true, false or null. */
  *scalar(): Sliced<string> {
    const word = words.find((text) => this.isNext(text));
    if (word !== undefined) {
      this.#position += word.length;
      return word;
    }
    this.#numberAt = this.#position;
    yield* this.#number();
    const text = this.#text.slice(this.#numberAt, this.#position);
    this.#numberAt = undefined;
    return text;
  }

  /** Like {@link scalar}, for a caller that does not need the value. */
  *passScalar(): Sliced<void> {
    const word = words.find((text) => this.isNext(text));
    if (word === undefined) yield* this.#number();
    else this.#position += word.length;
  }

  /** The closing quote, or a place inside the string where it may be cut: never within an escape. */
  #pieceEnd(): number {
    const text = this.#text;
    const stepEnd = this.#stepEnd;
    this.#isPlain = true;
    for (let at = this.#position; ; at++) {
      const code = text.charCodeAt(at);
      if (code === quoteMark || at >= stepEnd) return at;
      // NaN is the end of the text; every comparison with it is false.
      if (code >= 0x20 && code !== backslash) continue;
      if (Number.isNaN(code)) {
        this.#position = at;
        this.fail('the closing double quote of a string');
      }
      this.#isPlain = false;
      if (code === backslash) at += text.charCodeAt(at + 1) === 0x75 ? 5 : 1;
    }
  }

  *#number(): Sliced<void> {
    if (!this.#accept('-') && !isDigit(this.code)) this.fail('a value');
    if (!this.#accept('0')) yield* this.#digits();
    if (this.#accept('.')) yield* this.#digits();
    if (!this.#accept('eE')) return;
    this.#accept('+-');
    yield* this.#digits();
  }

  *#digits(): Sliced<void> {
    if (!isDigit(this.code)) this.fail('a digit');
    while (this.#stopsIn(isDigit)) yield;
  }

  /** Passes over the next character if it is among `characters`. */
  #accept(characters: string): boolean {
    const found = this.#text[this.#position];
    if (found === undefined || !characters.includes(found)) return false;
    this.#position++;
    return true;
  }

  /** Passes over characters of this kind. True if the step ends before they do: then the caller yields and calls again. */
  #stopsIn(isSuch: (code: number) => boolean): boolean {
    while (this.#position < this.#stepEnd && isSuch(this.code)) this.#position++;
    if (this.#position < this.#stepEnd) return false;
    this.#nextStep();
    return true;
  }

  #nextStep(): void {
    if (this.#isWhole) this.#stepEnd = this.#position + charactersPerStep;
  }
}

function unescaped(text: string, position: number): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw new JsonError(`the string at character ${position} has an invalid escape or a control character`);
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
