import { isUtf8 } from 'node:buffer';

const shortEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** The complement of what Go calls printable: letters, marks, numbers, punctuation, symbols and the ASCII blank. */
const toEscape = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Quotes a text as Go's strconv.Quote does, except that characters newer than Go's Unicode 15 are not escaped. */
export function quote(text: string): string {
  return `"${text.replace(toEscape, escape)}"`;
}

function escape(character: string): string {
  return shortEscapes[character] ?? hexadecimal(character.codePointAt(0)!);
}

function hexadecimal(codePoint: number): string {
  const digits = codePoint.toString(16);
  if (codePoint < 0x20 || codePoint === 0x7f) return `\\x${digits.padStart(2, '0')}`;
  return codePoint > 0xffff ? `\\U${digits.padStart(8, '0')}` : `\\u${digits.padStart(4, '0')}`;
}

/** One item between the quotes: an escape, or any other character. */
const piece = /\\(?:([abfnrtv\\"])|x([\da-fA-F]{2})|([0-3][0-7]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))|[^"\\\n]+/y;

const unescaped: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

/**
 * Reads a quoted text as Go's strconv.Unquote does. Undefined if the text is not quoted, or if its bytes are not UTF-8; it may
 * give them one by one, as `\xf0` or `\360`. A character that was broken before it was escaped becomes U+FFFD.
 */
export function unquote(quoted: string): string | undefined {
  if (quoted.length < 2 || !quoted.startsWith('"') || !quoted.endsWith('"')) return undefined;
  const text = quoted.slice(1, -1);
  const bytes: Buffer[] = [];
  for (let at = 0; at < text.length; at = piece.lastIndex) {
    piece.lastIndex = at;
    const match = piece.exec(text);
    const read = match === null ? undefined : readPiece(match);
    if (read === undefined) return undefined;
    bytes.push(read);
  }
  const all = Buffer.concat(bytes);
  return isUtf8(all) ? all.toString() : undefined;
}

function readPiece([all, short, byte, octal, unicode, long]: RegExpExecArray): Buffer | undefined {
  if (short !== undefined) return Buffer.from(unescaped[short]!);
  if (byte !== undefined) return Buffer.of(Number.parseInt(byte, 16));
  if (octal !== undefined) return Buffer.of(Number.parseInt(octal, 8));
  const digits = unicode ?? long;
  return digits === undefined ? Buffer.from(all) : readCodePoint(Number.parseInt(digits, 16));
}

function readCodePoint(codePoint: number): Buffer | undefined {
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint < 0xe000)) return undefined;
  return Buffer.from(String.fromCodePoint(codePoint));
}

/** Escapes JSON as Go's encoder does, so that it is safe inside HTML. */
export function htmlSafe(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
