import { JsonError, JsonScanner } from './json-scanner.ts';
import type { Sliced } from '../runtime/slices.ts';

/** How deep objects and arrays may nest, all of the text taken together, as in Go's encoding/json. */
const maxDepth = 10_000;

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quoteMark = 0x22;
const comma = 0x2c;
const colon = 0x3a;

/** An array or object that is being read. */
interface Container {
  readonly value: unknown[] | Record<string, unknown>;
  /** Of the member that is being read. */
  name: string;
}

/**
 * Reads JSON from a text value by value, as its caller asks, without ever holding the event loop: what may be long is a
 * {@link Sliced} step. Values that nobody asks for are checked and passed over, never built. Throws JsonError.
 *
 * The text may come in pieces: then whoever drives the steps looks at {@link wantsText} after each of them.
 */
export class JsonReader {
  readonly #scanner: JsonScanner;
  #depth = 0;

  /** @param text undefined: it comes through {@link append} */
  constructor(text?: string) {
    this.#scanner = new JsonScanner(text);
  }

  /** True if no further step can be taken before {@link append} or {@link finish}. */
  get wantsText(): boolean {
    return this.#scanner.wantsText;
  }

  /** Takes the next piece of the text, at most 65,536 characters. */
  append(text: string): void {
    this.#scanner.append(text);
  }

  /** Says that the last piece has come. */
  finish(): void {
    this.#scanner.finish();
  }

  /** Goes to the first value; to be called before {@link peek}. */
  *start(): Sliced<void> {
    while (this.#scanner.stopsInBlanks()) yield;
  }

  /** The kind of the value that comes next, by its first character; undefined at the end of the text. */
  peek(): 'object' | 'array' | 'string' | 'null' | 'other' | undefined {
    const { code } = this.#scanner;
    if (code === quoteMark) return 'string';
    if (code === openBrace) return 'object';
    if (code === openBracket) return 'array';
    if (Number.isNaN(code)) return undefined;
    return this.#scanner.isNext('null') ? 'null' : 'other';
  }

  /** Enters an array, then one call for each element: true if there is one more, false once the array is closed. */
  nextElement(first: boolean): Sliced<boolean> {
    return this.#next(first, openBracket, closeBracket);
  }

  /** Enters an object, then one call for each member: true if one more name follows, false once the object is closed. */
  nextMember(first: boolean): Sliced<boolean> {
    return this.#next(first, openBrace, closeBrace);
  }

  /** A member's name and the colon behind it. */
  *name(longest?: number): Sliced<string> {
    const scanner = this.#scanner;
    if (!scanner.atQuote) this.fail('a member name in double quotes');
    const name = yield* this.string(longest);
    while (scanner.stopsInBlanks()) yield;
    this.#expect(colon);
    while (scanner.stopsInBlanks()) yield;
    return name;
  }

  /**
   * A string; escapes resolved, each lone surrogate replaced by U+FFFD. Nothing of the text is kept alive by it.
   * @param longest of a string with more characters only a beginning is given, which has more than so many
   */
  *string(longest = Number.POSITIVE_INFINITY): Sliced<string> {
    const scanner = this.#scanner;
    scanner.pass();
    let value = scanner.piece();
    while (!scanner.atQuote) {
      yield;
      const piece = scanner.piece();
      if (value.length <= longest) value += piece;
    }
    scanner.pass();
    return value.toWellFormed();
  }

  /** Passes over a null that {@link peek} has seen. */
  null(): void {
    this.#scanner.pass('null'.length);
  }

  /** A number, true, false or null, as JSON.parse would give it. */
  *scalar(): Sliced<unknown> {
    return JSON.parse(yield* this.#scanner.scalar()) as unknown;
  }

  /** The value that comes next, whole, as JSON.parse would give it. */
  value(): Sliced<unknown> {
    return this.#read();
  }

  /** Checks that nothing but blanks is left. */
  *end(): Sliced<void> {
    yield* this.start();
    if (this.peek() !== undefined) this.fail('the end');
  }

  /** Checks the value that comes next and passes over it. Written as one loop: a hostile text is nothing but short tokens. */
  *skip(): Sliced<void> {
    const scanner = this.#scanner;
    const closers: number[] = [];
    yield* this.start();
    do {
      const closer = closerOf(scanner.code);
      if (closer === undefined) yield* this.#skipLeaf();
      else {
        this.#enter(scanner.code);
        closers.push(closer);
      }
      for (let first = closer !== undefined; closers.length > 0; first = false) {
        const inner = closers.at(-1)!;
        while (scanner.stopsInBlanks()) yield;
        if (this.#isClosed(inner)) {
          closers.pop();
          continue;
        }
        if (!first) {
          this.#expectComma(inner);
          while (scanner.stopsInBlanks()) yield;
        }
        if (inner === closeBrace) yield* this.#skipName();
        break;
      }
    } while (closers.length > 0);
  }

  /** Throws: at the present position something else was expected. */
  fail(expected: string): never {
    this.#scanner.fail(expected);
  }

  /** Not recursive: a text may nest deeper than calls can. */
  *#read(): Sliced<unknown> {
    const open: Container[] = [];
    let value: unknown;
    yield* this.start();
    do {
      const kind = this.peek();
      const entered = kind === 'array' || kind === 'object';
      if (entered) open.push({ value: kind === 'array' ? [] : {}, name: '' });
      else value = kind === 'string' ? yield* this.string() : yield* this.scalar();
      value = yield* this.#toNext(open, entered, value);
    } while (open.length > 0);
    return value;
  }

  *#skipLeaf(): Sliced<void> {
    const scanner = this.#scanner;
    if (!scanner.atQuote) return yield* scanner.passScalar();
    scanner.pass();
    for (scanner.passPiece(); !scanner.atQuote; scanner.passPiece()) yield;
    scanner.pass();
  }

  *#skipName(): Sliced<void> {
    const scanner = this.#scanner;
    if (!scanner.atQuote) this.fail('a member name in double quotes');
    yield* this.#skipLeaf();
    while (scanner.stopsInBlanks()) yield;
    this.#expect(colon);
    while (scanner.stopsInBlanks()) yield;
  }

  /** After a value, or where a container opens: goes to the next value; gives the outermost one that ends before it. */
  *#toNext(open: Container[], entered: boolean, read: unknown): Sliced<unknown> {
    let value = read;
    for (let first = entered; open.length > 0; first = false) {
      const container = open.at(-1)!;
      if (!first) add(container, value);
      if (Array.isArray(container.value)) {
        if (yield* this.nextElement(first)) break;
      } else if (yield* this.nextMember(first)) {
        container.name = yield* this.name();
        break;
      }
      value = open.pop()!.value;
    }
    return value;
  }

  *#next(first: boolean, opener: number, closer: number): Sliced<boolean> {
    const scanner = this.#scanner;
    while (scanner.stopsInBlanks()) yield;
    if (first) this.#enter(opener);
    else if (this.#isClosed(closer)) return false;
    else this.#expectComma(closer);
    while (scanner.stopsInBlanks()) yield;
    return !(first && this.#isClosed(closer));
  }

  #enter(opener: number): void {
    this.#expect(opener);
    if (++this.#depth > maxDepth) throw new JsonError(`it nests deeper than ${maxDepth} levels`);
  }

  #isClosed(closer: number): boolean {
    if (this.#scanner.code !== closer) return false;
    this.#scanner.pass();
    this.#depth--;
    return true;
  }

  #expectComma(closer: number): void {
    if (this.#scanner.code !== comma) this.fail(`"," or "${String.fromCharCode(closer)}"`);
    this.#scanner.pass();
  }

  #expect(code: number): void {
    if (this.#scanner.code !== code) this.fail(`"${String.fromCharCode(code)}"`);
    this.#scanner.pass();
  }
}

function closerOf(opener: number): number | undefined {
  if (opener === openBracket) return closeBracket;
  return opener === openBrace ? closeBrace : undefined;
}

function add({ value, name }: Container, item: unknown): void {
  if (Array.isArray(value)) value.push(item);
  else if (name !== '__proto__') value[name] = item;
  else Object.defineProperty(value, name, { value: item, writable: true, enumerable: true, configurable: true });
}
