export const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= '0' && character <= '9';

export const isWordStart = (character: string | undefined): boolean =>
  character !== undefined && /^[A-Za-z_]$/.test(character);

export const isWordPart = (character: string | undefined): boolean => isDigit(character) || isWordStart(character);

/**
 * The length of the number or the duration that begins at an offset, as Prometheus' lexer cuts it; `kind` is undefined if it is
 * neither. A number that the lexer takes may still be none for {@link readNumber}.
 */
export function numberLength(
  text: string,
  at: number,
): { readonly length: number; readonly kind: 'number' | 'duration' | undefined } {
  const reader = new NumberReader(text, at);
  if (reader.number()) return { length: reader.at - at, kind: 'number' };
  const kind = reader.restOfDuration() ? 'duration' : undefined;
  return { length: Math.max(reader.at - at, 1), kind };
}

/** Follows scanNumber and acceptRemainingDuration of promql/parser/lex.go step by step. */
class NumberReader {
  at: number;
  readonly #text: string;
  #digits = '0123456789';

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  number(): boolean {
    if (this.#accept('0') && this.#accept('xX')) {
      this.#accept('_');
      this.#digits = '0123456789abcdefABCDEF';
    }
    this.#accept('.');
    this.#accept(this.#digits);
    return this.#fractionAndExponent() && !isWordPart(this.#text[this.at]);
  }

  #fractionAndExponent(): boolean {
    const seen = { dot: false, exponent: false };
    while (this.#is(`${this.#digits}._eE`)) if (!this.#part(seen)) return false;
    return true;
  }

  /** Takes a dot, an exponent, an underscore or digits. */
  #part(seen: { dot: boolean; exponent: boolean }): boolean {
    if ((seen.dot && this.#accept('.')) || (seen.exponent && this.#accept('eE'))) return false;
    if (this.#accept('.')) {
      seen.dot = true;
      // A hexadecimal number has no fraction.
      return !this.#accept('_.') && this.#digits.length === 10;
    }
    if (this.#accept('eE')) {
      seen.exponent = true;
      this.#accept('+-');
      return !this.#accept('._eE') && this.at < this.#text.length;
    }
    if (this.#accept('_')) return !this.#accept('._eE') && this.at < this.#text.length;
    while (this.#accept(this.#digits));
    return true;
  }

  restOfDuration(): boolean {
    if (!this.#accept('smhdwy')) return false;
    this.#accept('s');
    while (this.#accept('0123456789')) {
      while (this.#accept('0123456789'));
      if (!this.#accept('smhdw')) return false;
      this.#accept('s');
    }
    return !isWordPart(this.#text[this.at]);
  }

  #is(characters: string): boolean {
    const character = this.#text[this.at];
    return character !== undefined && characters.includes(character);
  }

  #accept(characters: string): boolean {
    if (!this.#is(characters)) return false;
    this.at++;
    return true;
  }
}

const hasGoodUnderscores = (text: string): boolean =>
  !/_(?![\da-f])|(?<![\dx])_/i.test(/^0x/i.test(text) ? text.replace(/[a-f](?=_)/gi, '0') : text);

/**
 * The value of a number as Go reads it: `010` is octal, a hexadecimal number has at most 63 bits. Undefined if it is no number for
 * Go, or is too large for it.
 */
export function readNumber(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (lower === 'inf') return Infinity;
  if (lower === 'nan') return NaN;
  if (!hasGoodUnderscores(lower)) return undefined;
  const plain = lower.replaceAll('_', '');
  if (plain.startsWith('0x')) return readHexadecimal(plain);
  if (/^0[0-7]+$/.test(plain) && BigInt(`0o${plain}`) < 2n ** 63n) return Number(`0o${plain}`);
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

function readHexadecimal(text: string): number | undefined {
  if (text === '0x') return undefined;
  const value = /^0x[\da-f]+$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value < 2n ** 63n ? Number(value) : undefined;
}

const unitSeconds = { y: 365 * 86_400, w: 7 * 86_400, d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };
const duration = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** The longest duration of Go, in seconds: 292 years. */
export const maxDurationSeconds = 2 ** 63 / 1e9;

/** A duration such as `1h30m`, in seconds, or why it is none. */
export function readDuration(text: string): { readonly seconds: number } | { readonly message: string } {
  if (text === '') return { message: 'empty duration string' };
  if (text === '0') return { seconds: 0 };
  const numbers = duration.exec(text)?.slice(1);
  if (numbers === undefined) return { message: `not a valid duration string: "${text}"` };
  const units = Object.values(unitSeconds);
  const seconds = numbers.reduce((sum, number, index) => sum + Number(number ?? 0) * units[index]!, 0);
  return seconds < maxDurationSeconds ? { seconds } : { message: 'duration out of range' };
}
