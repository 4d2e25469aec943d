/** Go escapes characters that Node's Unicode version knows and Go's does not know yet; Tocsin does not. */
export function withoutNewEscapes(text: string): string {
  return text.replaceAll(/\\\\(?:U([\da-f]{8})|u([\da-f]{4}))/g, (whole, long?: string, short?: string) => {
    const codePoint = Number.parseInt(long ?? short!, 16);
    const character = codePoint > 0x10ffff ? '' : String.fromCodePoint(codePoint);
    return /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character) ? character : whole;
  });
}
