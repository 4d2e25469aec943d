import { JsonError, JsonScanner } from './json-scanner.ts';
import type { Sliced } from '../runtime/slices.ts';

/** The limit on the nesting of objects and arrays, over the whole text, as in Go's encoding/json. */
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
  /** The name of the member that is being read. */
  name: string;
}

/** A text, or the pieces of one, which are made each time they are asked for: at most 65,536 characters each. */
export type JsonText = string | (() => Iterable<string>);

/** Reads JSON in steps. Of pieces, no more than one and a little is in memory at a time. Throws what `read` throws. */
export function* readJson<Step, T>(
  text: JsonText,
  read: (reader: JsonReader) => Generator<Step, T>,
): Generator<Step, T> {
  if (typeof text === 'string') return yield* read(new JsonReader(text));
  const pieces = text()[Symbol.iterator]();
  const reader = new JsonReader();
  const steps = read(reader);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    while (reader.wantsText) give(reader, pieces.next());
    yield step.value;
  }
}

function give(reader: JsonReader, { done, value }: IteratorResult<string>): void {
  if (done === true) reader.finish();
  else reader.append(value);
}

/**
 * Reads JSON from a text value by value, as its caller asks, and never holds the event loop: each operation that can be long is a
 * {@link Sliced} step. It checks the values that nobody asks for and passes over them without building them. Throws JsonError.
 *
 * If the text comes in pieces, the caller that drives the steps checks {@link wantsText} after each of them.
 */
export class JsonReader {
  readonly #scanner: JsonScanner;
  #depth = 0;

  /** @param text undefined: the text comes through {@link append} */
  constructor(text?: string) {
    this.#scanner = new JsonScanner(text);
  }

  /** True if the next step needs {@link append} or {@link finish} first. */
  get wantsText(): boolean {
    return this.#scanner.wantsText;
  }

  /** Takes the next piece of the text, at most 65,536 characters. */
  append(text: string): void {
    this.#scanner.append(text);
  }

  /** Ends the text: the last piece has come. */
  finish(): void {
    this.#scanner.finish();
  }

  /** Goes to the first value. Call it before {@link peek}. */
  *start(): Sliced<void> {
    while (this.#scanner.stopsInBlanks()) yield;
  }

  /** The kind of the next value, judged by its first character; undefined at the end of the text. */
  peek(): 'object' | 'array' | 'string' | 'null' | 'other' | undefined {
    const { code } = this.#scanner;
    if (code === quoteMark) return 'string';
    if (code === openBrace) return 'object';
    if (code === openBracket) return 'array';
    if (Number.isNaN(code)) return undefined;
    return this.#scanner.isNext('null') ? 'null' : 'other';
  }

  /** Enters an array; then one call for each element. True if there is one more, false once the array is closed. */
  nextElement(first: boolean): Sliced<boolean> {
    return this.#next(first, openBracket, closeBracket);
  }

  /** Enters an object; then one call for each member. True if one more name follows, false once the object is closed. */
  nextMember(first: boolean): Sliced<boolean> {
    return this.#next(first, openBrace, closeBrace);
  }

  /** The name of a member and the colon behind it. */
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
   * A string with escapes resolved and each lone surrogate replaced by U+FFFD. It keeps nothing of the text alive.
   * @param longest of a longer string, only a beginning is given, which has more characters than `longest`
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

  /** A number, true, false or null, as JSON.parse gives it. */
  *scalar(): Sliced<unknown> {
    return JSON.parse(yield* this.#scanner.scalar()) as unknown;
  }

  /** The whole next value, as JSON.parse gives it. */
  value(): Sliced<unknown> {
    return this.#read();
  }

  /** Checks that only blanks are left. */
  *end(): Sliced<void> {
    yield* this.start();
    if (this.peek() !== undefined) this.fail('the end');
  }

  /** Checks the next value and passes over it, in one loop because a hostile text consists of nothing but short tokens. */
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

  /** Throws: the text has something else at the present position. */
  fail(expected: string): never {
    this.#scanner.fail(expected);
  }

  /** Not recursive: a text may nest deeper than the call stack allows. */
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

  /** Goes to the next value, from behind a value or the opening of a container. Gives the outermost value that ends before it. */
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
