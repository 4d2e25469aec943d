import { unquote } from '../text/go/quote.ts';
import { Matcher, type MatchType } from './matcher.ts';
import { MatcherError } from './matcher-error.ts';
import { blankClass, reservedClass } from './reserved.ts';

const blanks = new RegExp(`[${blankClass}]*`, 'y');
const operator = /=~|=|!=|!~/y;
const quotedText = /"(?:[^"\\]|\\.)*"/sy;
const plainText = new RegExp(`[^${reservedClass}]+`, 'y');
const comma = /,/y;

/**
 * Reads one matcher of Alertmanager's UTF-8 grammar (its matcher/parse), with a comma behind it or without: name and value
 * each between double quotes, as in Go, or plain, without blanks and what else is reserved.
 * Throws a MatcherError that names no place: Alertmanager tells of what the classic grammar has against a text.
 */
export function parseUtf8Matcher(text: string): Matcher {
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
