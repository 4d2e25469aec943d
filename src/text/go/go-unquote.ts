import { isUtf8 } from 'node:buffer';

/** What stands between the quotes: one escape, or any other character. */
const piece = /\\(?:([abfnrtv\\"])|x([\da-fA-F]{2})|([0-3][0-7]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))|[^"\\\n]+/y;

const shortEscapes: Readonly<Record<string, string>> = {
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
 * Reads a text between double quotes as Go's strconv.Unquote does; undefined if it is none, or if its bytes, which it may
 * give one by one as `\xf0` or `\360`, are not UTF-8. What was broken before it was escaped becomes U+FFFD.
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
  if (short !== undefined) return Buffer.from(shortEscapes[short]!);
  if (byte !== undefined) return Buffer.of(Number.parseInt(byte, 16));
  if (octal !== undefined) return Buffer.of(Number.parseInt(octal, 8));
  const digits = unicode ?? long;
  return digits === undefined ? Buffer.from(all) : readCodePoint(Number.parseInt(digits, 16));
}

function readCodePoint(codePoint: number): Buffer | undefined {
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint < 0xe000)) return undefined;
  return Buffer.from(String.fromCodePoint(codePoint));
}
