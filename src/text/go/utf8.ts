import { isUtf8 } from 'node:buffer';

/**
 * Decodes UTF-8 as Go does in JSON: each byte that belongs to no valid sequence becomes one U+FFFD. Node's own decoder replaces
 * several such bytes by a single U+FFFD, which would give a damaged label another fingerprint than in Alertmanager. A byte order
 * mark is kept.
 */
export function decodeUtf8(bytes: Buffer): string {
  return (isUtf8(bytes) ? bytes : replaceBroken(bytes)).toString('utf8');
}

/** A copy in which U+FFFD, three bytes in UTF-8, replaces each byte that begins a sequence whose rest does not follow. */
function replaceBroken(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length + 2 * countBroken(bytes));
  let end = 0;
  for (let at = 0; at < bytes.length;) {
    const next = at + sequenceLength(bytes, at);
    if (next === at) {
      copy[end++] = 0xef;
      copy[end++] = 0xbf;
      copy[end++] = 0xbd;
      at++;
    }
    while (at < next) copy[end++] = bytes[at++]!;
  }
  return copy;
}

function countBroken(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) count++;
    at += Math.max(length, 1);
  }
  return count;
}

/**
 * The length in bytes of the sequence at `at`; 0 if it is broken off. Bytes that are invalid for another reason (a byte that
 * begins nothing, an overlong form, a surrogate, above U+10FFFF) count as whole: Node replaces each of them separately.
 */
function sequenceLength(bytes: Buffer, at: number): number {
  const length = lengthByFirst(bytes[at]!);
  for (let next = at + 1; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function lengthByFirst(byte: number): number {
  if (byte < 0xc0) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

const firstSurrogate = 0xd800;
const afterSurrogates = 0xe000;

/**
 * Compares two well-formed strings by their UTF-8 bytes, which is the order of their code points and Go's order of strings. For
 * `sort`: negative, zero or positive.
 *
 * JavaScript compares UTF-16 code units. The two orders differ only between U+E000 to U+FFFF and the code points above U+FFFF:
 * the latter are greater, but their surrogates are smaller code units.
 */
export function compareByBytes(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const unitA = a.charCodeAt(at);
    const unitB = b.charCodeAt(at);
    if (unitA !== unitB) return compareUnits(unitA, unitB);
  }
  return a.length - b.length;
}

/** Compares the first code units in which two strings differ. Below the surrogates both orders are the same. */
function compareUnits(a: number, b: number): number {
  if (a < firstSurrogate || b < firstSurrogate) return a - b;
  return surrogatesLast(a) - surrogatesLast(b);
}

/** Moves surrogates behind every other code unit and keeps their own order. */
function surrogatesLast(unit: number): number {
  return unit < afterSurrogates ? unit + 0x10000 : unit;
}
