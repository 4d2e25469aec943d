import { isUtf8 } from 'node:buffer';

const escape = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gs;
const controls: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * What a string of PromQL says, of which the scanner has checked the escapes. They may give bytes, as in `\xc3\xa9`; those that are
 * not UTF-8 become a lone surrogate, so that the text is not well-formed.
 */
export function unquote(quoted: string): string {
  const text = quoted.slice(1, -1);
  if (quoted.startsWith('`') || !text.includes('\\')) return text;
  const parts: Buffer[] = [];
  let done = 0;
  for (const found of text.matchAll(escape)) {
    parts.push(Buffer.from(text.slice(done, found.index)), read(found));
    done = found.index + found[0].length;
  }
  const bytes = Buffer.concat([...parts, Buffer.from(text.slice(done))]);
  return isUtf8(bytes) ? bytes.toString() : bytes.toString().replaceAll('\uFFFD', '\uD800');
}

function read([, byte, unicode, long, octal, other = '']: RegExpExecArray): Buffer {
  if (byte !== undefined) return Buffer.of(Number.parseInt(byte, 16));
  if (octal !== undefined) return Buffer.of(Number.parseInt(octal, 8));
  const code = unicode ?? long;
  return Buffer.from(code === undefined ? (controls[other] ?? other) : String.fromCodePoint(Number.parseInt(code, 16)));
}
