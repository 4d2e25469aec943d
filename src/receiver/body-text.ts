import { isAscii, isUtf8 } from 'node:buffer';
import { decodeUtf8 } from '../alert/go-utf8.ts';
import type { Slices } from '../slices.ts';

export interface BodyText {
  readonly text: string;
  /** What a character of the texts in it takes in memory at most, bytes. */
  readonly characterBytes: 1 | 2;
}

/** How much of a body with broken characters is mended at a time, bytes: a millisecond of work. */
const pieceBytes = 64 * 1024;

/** A body as well-formed text, in which each broken byte is a U+FFFD as in Go. */
export async function bodyText(bytes: Buffer, slices: Slices): Promise<BodyText> {
  const whole = bytes.length <= pieceBytes || isUtf8(bytes);
  const text = whole ? decodeUtf8(bytes) : await mend(bytes, slices);
  return { text, characterBytes: isAscii(bytes) && !hasWideEscape(text) ? 1 : 2 };
}

async function mend(bytes: Buffer, slices: Slices): Promise<string> {
  let text = '';
  for (let from = 0, end = 0; from < bytes.length; from = end) {
    end = characterStart(bytes, from + pieceBytes);
    text += decodeUtf8(bytes.subarray(from, end));
    if (slices.isOver) await slices.breathe();
  }
  return text;
}

/** The last place up to `at` that is not inside of a character; no character has more than four bytes. */
function characterStart(bytes: Buffer, at: number): number {
  if (at >= bytes.length) return bytes.length;
  for (let start = at; start > at - 4; start--) if ((bytes[start]! & 0xc0) !== 0x80) return start;
  return at;
}

/** True if an escape stands for a character over U+00FF, which makes a text twice as large in memory. */
function hasWideEscape(text: string): boolean {
  for (let at = text.indexOf('\\u'); at >= 0; at = text.indexOf('\\u', at + 2)) {
    if (!text.startsWith('00', at + 2)) return true;
  }
  return false;
}
