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
    return parseUtf8(text, error);
  }
}

function parseUtf8(text: string, classicError: MatcherError): Matcher {
  try {
    return parseUtf8Matcher(text);
  } catch (error) {
    throw error instanceof MatcherError ? classicError : error;
  }
}

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
  return new Matcher(name!, readValue(trimEnd(text.slice(all.length))), type as MatchType);
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && '\t\n\f\r '.includes(text[end - 1]!)) end--;
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

/**
 * Reads one matcher of Alertmanager's UTF-8 grammar (its matcher/parse), with or without a comma behind it. Name and value are
 * each either quoted as in Go, or plain and free of blanks and other reserved characters. Throws a MatcherError that names no
 * place: the answer has the error of the classic grammar.
 */
function parseUtf8Matcher(text: string): Matcher {
  const tokens = new Tokens(text);
  const name = tokens.takeText();
  const type = tokens.take(operator) as MatchType | undefined;
  const value = tokens.takeText();
  tokens.take(comma);
  if (name === undefined || type === undefined || value === undefined || !tokens.atEnd)
    throw new MatcherError(`bad matcher format: ${text}`);
  return new Matcher(name, value, type);
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
