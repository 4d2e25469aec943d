import { Matcher, blankClass, reservedClass, type MatchType } from './matcher.ts';
import { MatcherError } from './anchored-regexp.ts';
import { unquote } from '../text/go/quote.ts';

/**
 * Reads one matcher, such as `job=~"node.*"`, as Alertmanager 0.34 does by default. If both its grammars accept the text, the
 * classic one interprets it; if neither does, the error has the words of the classic one. A lone surrogate in the text stands for
 * a byte that is not UTF-8. Throws a MatcherError.
 */
export function parseMatcher(text: string): Matcher {
  if (text.startsWith('{') || text.endsWith('}')) throw new MatcherError(`unexpected open or close brace: ${text}`);
  try {
    return parseClassicMatcher(text);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return orClassicError(() => parseUtf8Matcher(text), error);
  }
}

/**
 * Reads a list of matchers as one entry of `matchers` in Alertmanager's configuration: `a="b",c=~"d"`, also in braces and with a
 * comma at the end. It may be empty. The grammars take part as in {@link parseMatcher}. Throws a MatcherError.
 */
export function parseMatchers(text: string): readonly Matcher[] {
  try {
    return classicParts(text).map(parseClassicMatcher);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return orClassicError(() => parseUtf8Matchers(text), error);
  }
}

function orClassicError<Result>(parse: () => Result, classicError: MatcherError): Result {
  try {
    return parse();
  } catch (error) {
    throw error instanceof MatcherError ? classicError : error;
  }
}

/** The classic grammar takes a brace that is alone. */
function classicParts(text: string): readonly string[] {
  const inside = text.replace(/^\{/, '').replace(/\}$/, '');
  const parts: string[] = [];
  let [from, insideQuotes, isEscaped] = [0, false, false];
  for (let at = 0; at < inside.length; at++) {
    const character = inside[at]!;
    if (character === ',') {
      // As there, a comma does not end an escape.
      if (insideQuotes) continue;
      parts.push(inside.slice(from, at));
      from = at + 1;
    } else if (character === '"' && !isEscaped) insideQuotes = !insideQuotes;
    else isEscaped = character === '\\' && !isEscaped;
  }
  const last = inside.slice(from).replace(leadingBlanks, '');
  return last === '' ? parts : [...parts, trimEnd(last, anyBlank)];
}

const leadingBlanks = new RegExp(`^[${blankClass}]+`);
const anyBlank = new RegExp(`[${blankClass}]`);

/** Name, operator and the blanks around them; a blank is Go's `\s`. The rest is read by hand, to take linear time. */
const head = /^[\t\n\f\r ]*([a-zA-Z_:][\w:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*/;

/**
 * Reads a matcher of the grammar that Alertmanager had before it accepted UTF-8: `job=~"node.*"`, `job = node`, `job=`. Rules and
 * error texts are those of its pkg/labels/parse.go. Throws a MatcherError.
 */
function parseClassicMatcher(text: string): Matcher {
  const match = head.exec(text);
  if (match === null) throw new MatcherError(`bad matcher format: ${text}`);
  const [all, name, type] = match;
  return new Matcher(name!, readValue(trimEnd(text.slice(all.length), classicBlank)), type as MatchType);
}

const classicBlank = /[\t\n\f\r ]/;

function trimEnd(text: string, blank: RegExp): string {
  let end = text.length;
  while (end > 0 && blank.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

function readValue(written: string): string {
  const quoted = written.startsWith('"');
  const rest = quoted ? written.slice(1) : written;
  if (!rest.isWellFormed()) throw new MatcherError(`matcher value not valid UTF-8: ${written}`);
  const { value, quoteAt } = unescape(rest);
  if (quoteAt === (quoted ? rest.length - 1 : undefined) && !(quoted && rest === '')) return value;
  throw new MatcherError(`matcher value contains unescaped double quote: ${written}`);
}

/** The text up to its first unescaped quote, and the place of that quote. Only `\\`, `\"` and `\n` are escapes. */
function unescape(text: string): { readonly value: string; readonly quoteAt: number | undefined } {
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') return { value, quoteAt: at };
    const next = text[at + 1];
    if (character !== '\\' || next === undefined) value += character;
    else {
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`;
      at++;
    }
  }
  return { value, quoteAt: undefined };
}

const blanks = new RegExp(`[${blankClass}]*`, 'y');
const operator = /=~|=|!=|!~/y;
const quotedText = /"(?:[^"\\]|\\.)*"/sy;
const plainText = new RegExp(`[^${reservedClass}]+`, 'y');
const comma = /,/y;
const openBrace = /\{/y;
const closeBrace = /\}/y;

/**
 * Reads one matcher of Alertmanager's UTF-8 grammar (its matcher/parse), with or without a comma behind it. Name and value are
 * each either quoted as in Go, or plain and free of blanks and other reserved characters. Throws a MatcherError that names no
 * place: the answer has the error of the classic grammar.
 */
function parseUtf8Matcher(text: string): Matcher {
  const tokens = new Tokens(text);
  const matcher = takeMatcher(tokens);
  tokens.take(comma);
  if (matcher === undefined || !tokens.atEnd) throw new MatcherError(`bad matcher format: ${text}`);
  return matcher;
}

function parseUtf8Matchers(text: string): readonly Matcher[] {
  const tokens = new Tokens(text);
  const isOpen = tokens.take(openBrace) !== undefined;
  const matchers: Matcher[] = [];
  for (let matcher = takeMatcher(tokens); matcher !== undefined; matcher = takeMatcher(tokens)) {
    matchers.push(matcher);
    if (tokens.take(comma) === undefined) break;
  }
  const isClosed = tokens.take(closeBrace) !== undefined;
  if (isOpen !== isClosed || !tokens.atEnd) throw new MatcherError(`bad matcher format: ${text}`);
  return matchers;
}

/** Undefined if the next token begins no matcher. */
function takeMatcher(tokens: Tokens): Matcher | undefined {
  const name = tokens.takeText();
  if (name === undefined) return undefined;
  const type = tokens.take(operator) as MatchType | undefined;
  const value = type === undefined ? undefined : tokens.takeText();
  if (value === undefined) throw new MatcherError(`bad matcher format: ${name}`);
  return new Matcher(name, value, type!);
}

class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    this.#match(blanks);
    return this.#at === this.#text.length;
  }

  take(pattern: RegExp): string | undefined {
    this.#match(blanks);
    return this.#match(pattern);
  }

  takeText(): string | undefined {
    const quoted = this.take(quotedText);
    return quoted === undefined ? this.take(plainText) : unquote(quoted);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
