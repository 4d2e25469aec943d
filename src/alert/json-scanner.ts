import { JsonError } from './json-error.ts';
import type { Sliced } from './sliced.ts';

/** How much is read in one step: far less than a millisecond of work. */
const charactersPerStep = 65_536;

const quoteMark = 0x22;
const backslash = 0x5c;

/** Goes through a text token by token, and never further than {@link charactersPerStep} in one step. Throws JsonError. */
export class JsonScanner {
  readonly #text: string;
  #position = 0;
  /** Where the step under way ends. */
  #stepEnd = charactersPerStep;

  constructor(text: string) {
    this.#text = text;
  }

  /** The character that comes next; NaN at the end of the text. */
  get code(): number {
    return this.#text.charCodeAt(this.#position);
  }

  get atQuote(): boolean {
    return this.code === quoteMark;
  }

  isNext(token: string): boolean {
    return this.#text.startsWith(token, this.#position);
  }

  /** Passes over characters that are there. */
  pass(count = 1): void {
    this.#position += count;
  }

  /** Throws: at the present position something else was expected. */
  fail(expected: string): never {
    const found = this.#text.codePointAt(this.#position);
    const what = found === undefined ? 'the end of the body' : JSON.stringify(String.fromCodePoint(found));
    throw new JsonError(`at character ${this.#position} there is ${what}, expected ${expected}`);
  }

  /** Passes over blanks. True if the step is over before they are: then the caller yields and calls again. */
  stopsInBlanks(): boolean {
    return this.#stopsIn(isBlank);
  }

  /**
   * The next piece of a string, escapes resolved: up to its closing quote, or to the end of the step, and then the caller
   * yields and calls again. A surrogate pair may be in two pieces.
   */
  piece(): string {
    const start = this.#position;
    this.#position = this.#pieceEnd();
    if (!this.atQuote) this.#stepEnd = this.#position + charactersPerStep;
    return unescaped(this.#text.slice(start, this.#position), start);
  }

  /** A number, true, false or null. */
  *scalar(): Sliced<string> {
    const from = this.#position;
    const word = ['true', 'false', 'null'].find((text) => this.isNext(text));
    if (word === undefined) yield* this.#number();
    else this.#position += word.length;
    return this.#text.slice(from, this.#position);
  }

  /** The closing quote, or a place inside the string where it may be cut: never within an escape. */
  #pieceEnd(): number {
    for (let at = this.#position; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === quoteMark || at >= this.#stepEnd) return at;
      if (Number.isNaN(code)) {
        this.#position = at;
        this.fail('the closing double quote of a string');
      }
      if (code === backslash) at += this.#text.charCodeAt(at + 1) === 0x75 ? 5 : 1;
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

  /** Passes over the next character if it is one of these. */
  #accept(characters: string): boolean {
    const found = this.#text[this.#position];
    if (found === undefined || !characters.includes(found)) return false;
    this.#position++;
    return true;
  }

  /** Passes over such characters. True if the step is over before they are: then its caller yields and calls again. */
  #stopsIn(isSuch: (code: number) => boolean): boolean {
    while (this.#position < this.#stepEnd && isSuch(this.code)) this.#position++;
    if (this.#position < this.#stepEnd) return false;
    this.#stepEnd = this.#position + charactersPerStep;
    return true;
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
