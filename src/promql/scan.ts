import { isDigit, isWordStart, isWordPart, numberLength } from './number.ts';
import { keywords, PromqlError, type Token } from './token.ts';

const spaces = /[ \t\n\r]*/y;
/** Blanks of other kinds are none for Prometheus. */
const isSpace = (character: string): boolean => character !== '' && ' \t\n\r'.includes(character);

/** The longest signs first. What stands inside braces has its own. */
const signs = '== != <= </ >= >/ * / % + - ^ = < > @ , ( )'.split(' ');
const bracedSigns = ['=~', '!~', '!=', '=', ','];
const escape = /\\(?:[abfnrtv\\]|(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})|([0-7]{3}))/y;
const durationSigns = new Set('+ - * / % ^ , ( )'.split(' '));
const durationWords = new Set(['step', 'range', 'max_of', 'min_of']);
const fills = new Set(['fill', 'fill_left', 'fill_right']);

/** What an expression was cut into. */
export interface Scanned {
  readonly tokens: readonly Token[];
  /** Why the rest is no token. Undefined if the last token is the end of the input. */
  readonly error: PromqlError | undefined;
}

/**
 * Cuts an expression into tokens as Prometheus' lexer does (promql/parser/lex.go), which is stricter than its grammar: a colon, a
 * comment or a word is another thing inside brackets and braces. An expression that ends within them is an error as well.
 */
export function scan(text: string): Scanned {
  const scanner = new Scanner(text);
  try {
    scanner.all();
    return { tokens: scanner.tokens, error: undefined };
  } catch (error) {
    if (error instanceof PromqlError) return { tokens: scanner.tokens, error };
    throw error;
  }
}

class Scanner {
  readonly #text: string;
  readonly tokens: Token[] = [];
  #at = 0;
  #parentheses = 0;
  #inBraces = false;
  #inBrackets = false;
  /** Between `[` and the first number only signs and words of a duration may stand. */
  #strict = false;
  #gotColon = false;
  #gotDuration = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws {@link PromqlError} at the first text that is no token. */
  all(): void {
    while (this.#at < this.#text.length) this.#next(String.fromCodePoint(this.#text.codePointAt(this.#at)!));
    if (this.#strict) throw this.#error('unexpected end of input in duration expression', this.#at);
    if (this.#inBraces) throw this.#error('unexpected end of input inside braces', this.#at);
    if (this.#parentheses > 0) throw this.#error('unclosed left parenthesis', this.#at);
    if (this.#inBrackets) throw this.#error('unclosed left bracket', this.#at);
    this.#push('end of input', 0);
  }

  #next(character: string): void {
    if (isSpace(character)) this.#skipSpaces();
    else if (this.#strict) this.#duration(character);
    else if (character === '#') this.#skipComment();
    else if (character === '"' || character === "'" || character === '`') this.#string(character);
    else if (this.#inBraces) this.#braced(character);
    else this.#plain(character);
  }

  #plain(character: string): void {
    if (isDigit(character) || (character === '.' && isDigit(this.#text[this.#at + 1]))) this.#number();
    else if (isWordStart(character) || character === ':') this.#word(character);
    else if ('{}[]'.includes(character)) this.#bracket(character);
    else this.#sign(character);
  }

  #sign(character: string): void {
    const sign = signs.find((each) => this.#text.startsWith(each, this.#at));
    const second = this.#text[this.#at + 1] ?? '';
    if (character === '!' && sign === undefined) throw this.#unexpected(`after '!'`, second);
    if (character === '=' && second === '~') throw this.#unexpected(`after '='`, second);
    if (sign === undefined) throw this.#error(`unexpected character: ${quoted(character)}`, this.#at);
    this.#countParenthesis(sign);
    this.#push(sign, sign.length);
  }

  #countParenthesis(sign: string): void {
    if (sign === '(') this.#parentheses++;
    if (sign === ')' && --this.#parentheses < 0)
      throw this.#error(`unexpected right parenthesis ${quoted(sign)}`, this.#at);
  }

  #bracket(character: string): void {
    if (character === '}') throw this.#error(`unexpected character: ${quoted(character)}`, this.#at);
    if (character === '[' && this.#inBrackets) throw this.#error(`unexpected left bracket '['`, this.#at);
    if (character === ']' && !this.#inBrackets) throw this.#error(`unexpected right bracket ']'`, this.#at);
    this.#push(character, 1);
    if (character === '{') this.#inBraces = true;
    else this.#inBrackets = this.#strict = character === '[';
    if (character === '[') this.#gotColon = false;
  }

  #word(character: string): void {
    if (this.#inBrackets) return this.#wordInBrackets(character);
    let end = this.#at;
    while (isWordPart(this.#text[end]) || this.#text[end] === ':') end++;
    const word = this.#text.slice(this.#at, end);
    this.#push(this.#kindOf(word, end), word.length);
  }

  #kindOf(word: string, end: number): string {
    const lower = word.toLowerCase();
    if (lower === 'inf' || lower === 'nan') return 'number';
    if (keywords.has(lower) && (!fills.has(lower) || this.#opensAfter(end))) return lower;
    return word.includes(':') ? 'metric identifier' : 'identifier';
  }

  #opensAfter(end: number): boolean {
    spaces.lastIndex = end;
    spaces.test(this.#text);
    return this.#text[spaces.lastIndex] === '(';
  }

  #wordInBrackets(character: string): void {
    if (character !== ':') return this.#durationWord(`unexpected character: ${quoted(character)}, expected ':'`);
    if (this.#gotColon) throw this.#error(`unexpected colon ':'`, this.#at);
    this.#push(':', 1);
    this.#gotColon = true;
  }

  #durationWord(otherwise: string): void {
    let end = this.#at;
    while (isWordStart(this.#text[end])) end++;
    const word = this.#text.slice(this.#at, end);
    if (!durationWords.has(word.toLowerCase())) throw this.#error(otherwise, this.#at);
    this.#push(word.toLowerCase(), word.length);
  }

  #duration(character: string): void {
    if (isDigit(character) || (character === '.' && isDigit(this.#text[this.#at + 1]))) {
      this.#gotDuration = true;
      this.#number();
      this.#strict = false;
    } else if (durationSigns.has(character)) {
      this.#countParenthesis(character);
      this.#push(character, 1);
    } else if (character === ']') this.#bracket(character);
    else if (character === ':') this.#colonInDuration();
    else this.#durationWord(`unexpected character in duration expression: ${quoted(character)}`);
  }

  #colonInDuration(): void {
    if (!this.#gotDuration) throw this.#error('unexpected colon before duration in duration expression', this.#at);
    if (this.#gotColon) throw this.#error('unexpected repeated colon in duration expression', this.#at);
    this.#push(':', 1);
    this.#gotColon = true;
  }

  #number(): void {
    const { length, kind } = numberLength(this.#text, this.#at);
    if (kind === undefined) {
      let end = this.#at + length;
      while (isWordPart(this.#text[end])) end++;
      const shown = this.#text.slice(this.#at, Math.min(end, this.#at + 20));
      throw this.#error(`bad number or duration syntax: "${shown}"`, this.#at, end - this.#at);
    }
    this.#push(kind, length);
  }

  #braced(character: string): void {
    const sign = bracedSigns.find((each) => this.#text.startsWith(each, this.#at));
    if (isWordStart(character)) {
      let end = this.#at;
      while (isWordPart(this.#text[end])) end++;
      this.#push('identifier', end - this.#at);
    } else if (character === '}') {
      this.#push(character, 1);
      this.#inBraces = false;
    } else if (sign !== undefined) this.#push(sign, sign.length);
    else if (character === '!') throw this.#unexpected(`after '!' inside braces`, this.#text[this.#at + 1] ?? '');
    else if (character === '{') throw this.#error(`unexpected left brace '{'`, this.#at);
    else throw this.#error(`unexpected character inside braces: ${quoted(character)}`, this.#at);
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    for (; this.#text[end] !== quote; end++) {
      const character = this.#text[end];
      if (character === undefined || (character === '\n' && quote !== '`'))
        throw this.#error(`unterminated ${quote === '`' ? 'raw' : 'quoted'} string`, this.#at, end - this.#at);
      if (character === '\uFFFD') throw this.#error('invalid UTF-8 rune', end);
      if (character === '\\' && quote !== '`') end += this.#escapeLength(end, quote) - 1;
    }
    this.#push('string', end + 1 - this.#at);
  }

  #escapeLength(at: number, quote: string): number {
    if (this.#text[at + 1] === quote) return 2;
    escape.lastIndex = at;
    const [whole, hexadecimal, octal] = escape.exec(this.#text) ?? [];
    if (whole === undefined)
      throw this.#error(`unknown or unfinished escape sequence \\${this.#text[at + 1] ?? ''}`, at, 2);
    const code = octal === undefined ? Number.parseInt(hexadecimal?.slice(1) ?? '0', 16) : Number.parseInt(octal, 8);
    const isSurrogate = code >= 0xd800 && code < 0xe000;
    if (code > (octal === undefined ? 0x10ffff : 255) || isSurrogate)
      throw this.#error('escape sequence is an invalid Unicode code point', at, whole.length);
    return whole.length;
  }

  #skipSpaces(): void {
    spaces.lastIndex = this.#at;
    spaces.test(this.#text);
    this.#at = spaces.lastIndex;
  }

  #skipComment(): void {
    while (this.#at < this.#text.length && !'\r\n'.includes(this.#text[this.#at]!)) this.#at++;
  }

  #push(kind: string, length: number): void {
    const [from, to] = [this.#at, this.#at + length];
    this.tokens.push({ kind, text: this.#text.slice(from, to), from, to });
    this.#at = to;
  }

  #unexpected(where: string, character: string): PromqlError {
    const shown = character === '' ? 'the end' : quoted(character);
    return this.#error(`unexpected character ${where}: ${shown}`, this.#at, 2);
  }

  #error(message: string, from: number, length = 1): PromqlError {
    return new PromqlError(message, { from, to: Math.min(from + Math.max(length, 1), this.#text.length) });
  }
}

function quoted(character: string): string {
  return `'${character}'`;
}
