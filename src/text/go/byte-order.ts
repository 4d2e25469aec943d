const firstSurrogate = 0xd800;
const afterSurrogates = 0xe000;

/**
 * Compares two well-formed strings as their UTF-8 bytes compare, which is the order of their code points and the
 * order in which Go sorts strings. For `sort`: negative, zero or positive.
 *
 * JavaScript's own order is that of UTF-16 code units. It differs only where U+E000 to U+FFFF meets a code point above
 * U+FFFF: that one is the greater, but is written with surrogates, which are the smaller code units.
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

/** Compares the first code units in which two strings differ. Below the surrogates the order is the same in both. */
function compareUnits(a: number, b: number): number {
  if (a < firstSurrogate || b < firstSurrogate) return a - b;
  return surrogatesLast(a) - surrogatesLast(b);
}

/** Moves surrogates behind every other code unit; the order among themselves stays. */
function surrogatesLast(unit: number): number {
  return unit < afterSurrogates ? unit + 0x10000 : unit;
}
