import { isAscii } from 'node:buffer';
import { decodeUtf8 } from '../../text/go/utf8.ts';
import { slicedBodyBytes } from '../../limits.ts';
import type { Slices } from '../../runtime/slices.ts';

export interface BodyText {
  readonly text: string;
  /** What a character of the texts in it takes in memory at most, bytes. */
  readonly characterBytes: 1 | 2;
}

/**
 * How much is decoded at a time, bytes: less than a millisecond of work, but for broken characters. Besides, Node keeps
 * texts from a megabyte on outside of V8's heap, where much of their memory is not given back.
 */
const pieceBytes = 256 * 1024;

/** A body as well-formed text, in which each broken byte is a U+FFFD as in Go. */
export async function bodyText(bytes: Buffer, slices: Slices): Promise<BodyText> {
  const text = bytes.length <= pieceBytes ? decodeUtf8(bytes) : await decodeInSlices(bytes, slices);
  return { text, characterBytes: isAscii(bytes) && !hasWideEscape(text) ? 1 : 2 };
}

async function decodeInSlices(bytes: Buffer, slices: Slices): Promise<string> {
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

/**
 * True if an escape stands for a character over U+00FF, which makes a text twice as large in memory. Of a long text, in
 * which there may be millions, every escape is taken for one.
 */
function hasWideEscape(text: string): boolean {
  if (text.length > slicedBodyBytes) return text.includes('\\u');
  for (let at = text.indexOf('\\u'); at >= 0; at = text.indexOf('\\u', at + 2)) {
    if (!text.startsWith('00', at + 2)) return true;
  }
  return false;
}
