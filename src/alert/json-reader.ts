import { JsonError } from './json-error.ts';

/** How deep objects and arrays may nest, as in Go's encoding/json. */
const maxDepth = 10_000;
/** How much is read between two ticks: far less than a millisecond of work. */
const charactersPerTick = 65_536;

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quoteMark = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/** A generator that does a part of its work per step, so that whoever drives it can let others run in between. */
export type Sliced<T> = Generator<undefined, T>;

/**
 * Reads JSON from a text value by value, as its caller asks, without ever holding the event loop: what may be long is a
 * {@link Sliced} step. Values that nobody asks for are checked and passed over, never built. Throws JsonError.
 */
export class JsonReader {
  readonly #text: string;
  #position = 0;
  #nextTick = charactersPerTick;

  constructor(text: string) {
    this.#text = text;
  }

  /** The kind of the value that comes next, by its first character; undefined at the end of the text. */
  peek(): 'object' | 'array' | 'string' | 'null' | 'other' | undefined {
    const code = this.#peekCode();
    if (code === openBrace) return 'object';
    if (code === openBracket) return 'array';
    if (code === quoteMark) return 'string';
    if (Number.isNaN(code)) return undefined;
    return this.#text.startsWith('null', this.#position) ? 'null' : 'other';
  }

  /** Enters an array, then one call for each element: true if there is one more, false once the array is closed. */
  nextElement(first: boolean): boolean {
    return first ? this.#open(openBracket, closeBracket) : this.#more(closeBracket);
  }

  /** Enters an object, then one call for each member: true if one more name follows, false once the object is closed. */
  nextMember(first: boolean): boolean {
    return first ? this.#open(openBrace, closeBrace) : this.#more(closeBrace);
  }

  /** A member's name and the colon behind it. */
  *name(): Sliced<string> {
    if (this.#peekCode() !== quoteMark) this.fail('a member name in double quotes');
    const name = yield* this.string();
    this.#expect(colon);
    return name;
  }

  /** A string; escapes resolved, each lone surrogate replaced by U+FFFD. Nothing of the text is kept alive by it. */
  *string(): Sliced<string> {
    let value = '';
    let from = ++this.#position;
    for (let end = this.#chunkEnd(from); ; end = this.#chunkEnd(from)) {
      value += this.#literal(from, end);
      from = this.#position = end;
      if (this.#text.charCodeAt(end) === quoteMark) break;
      yield;
    }
    this.#position++;
    return value.toWellFormed();
  }

  null(): void {
    this.#position += 4;
  }

  /** The value that comes next, whole, as JSON.parse would give it. */
  *value(depth = 0): Sliced<unknown> {
    if (depth > maxDepth) throw new JsonError(`it nests deeper than ${maxDepth} levels`);
    const kind = this.peek();
    if (kind === 'string') return yield* this.string();
    if (kind === 'array') return yield* this.#array(depth);
    if (kind === 'object') return yield* this.#object(depth);
    const from = this.#position;
    this.#scalar();
    return JSON.parse(this.#text.slice(from, this.#position));
  }

  /** Checks the value that comes next and passes over it. */
  *skip(): Sliced<void> {
    const closers: number[] = [];
    do {
      const closer = yield* this.#skipToken();
      if (closer !== undefined) closers.push(closer);
      if (closers.length > maxDepth) throw new JsonError(`it nests deeper than ${maxDepth} levels`);
      yield* this.#leave(closers, closer !== undefined);
      yield* this.#tick();
    } while (closers.length > 0);
  }

  /** Throws: at the present position something else was expected. */
  fail(expected: string): never {
    const found = this.#text.codePointAt(this.#position);
    const what = found === undefined ? 'the end of the body' : `${JSON.stringify(String.fromCodePoint(found))}`;
    throw new JsonError(`at character ${this.#position} there is ${what}, expected ${expected}`);
  }

  *#array(depth: number): Sliced<unknown[]> {
    const values: unknown[] = [];
    for (let more = this.nextElement(true); more; more = this.nextElement(false)) {
      values.push(yield* this.value(depth + 1));
      yield* this.#tick();
    }
    return values;
  }

  *#object(depth: number): Sliced<object> {
    const members: [string, unknown][] = [];
    for (let more = this.nextMember(true); more; more = this.nextMember(false)) {
      const name = yield* this.name();
      members.push([name, yield* this.value(depth + 1)]);
      yield* this.#tick();
    }
    return Object.fromEntries(members);
  }

  *#tick(): Sliced<void> {
    if (this.#position <= this.#nextTick) return;
    this.#nextTick = this.#position + charactersPerTick;
    yield;
  }

  /** Passes over one scalar, or opens a container and gives what will close it. */
  *#skipToken(): Sliced<number | undefined> {
    const code = this.#peekCode();
    if (code === openBrace || code === openBracket) {
      this.#position++;
      return code === openBrace ? closeBrace : closeBracket;
    }
    if (code === quoteMark) yield* this.string();
    else this.#scalar();
    return undefined;
  }

  /** After a value: closes what ends here, then goes to the next value of the container that is still open. */
  *#leave(closers: number[], entered: boolean): Sliced<void> {
    for (let first = entered; closers.length > 0; first = false) {
      const closer = closers.at(-1)!;
      if (first ? this.#openedMore(closer) : this.#more(closer)) {
        if (closer === closeBrace) yield* this.name();
        return;
      }
      closers.pop();
    }
  }

  #open(opener: number, closer: number): boolean {
    this.#expect(opener);
    return this.#openedMore(closer);
  }

  #openedMore(closer: number): boolean {
    if (this.#peekCode() !== closer) return true;
    this.#position++;
    return false;
  }

  #more(closer: number): boolean {
    const code = this.#peekCode();
    if (code !== comma && code !== closer) this.fail(`"," or "${String.fromCharCode(closer)}"`);
    this.#position++;
    return code === comma;
  }

  #scalar(): void {
    const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
    scalar.lastIndex = this.#position;
    if (!scalar.test(this.#text)) this.fail('a value');
    this.#position = scalar.lastIndex;
  }

  #expect(code: number): void {
    if (this.#peekCode() !== code) this.fail(`"${String.fromCharCode(code)}"`);
    this.#position++;
  }

  /** Skips blanks; NaN at the end of the text. */
  #peekCode(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#position++;
    }
  }

  /** The closing quote, or a place inside the string where it may be cut: never within an escape. */
  #chunkEnd(from: number): number {
    const limit = from + charactersPerTick;
    for (let at = from; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === quoteMark || at >= limit) return at;
      if (Number.isNaN(code)) {
        this.#position = at;
        this.fail('the closing double quote of a string');
      }
      if (code === backslash) at += this.#text.charCodeAt(at + 1) === 0x75 ? 5 : 1;
    }
  }

  #literal(from: number, end: number): string {
    try {
      return JSON.parse(`"${this.#text.slice(from, end)}"`) as string;
    } catch {
      throw new JsonError(`the string at character ${from} has an invalid escape or a control character`);
    }
  }
}
