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

/** Letters, marks, numbers, punctuation, symbols and the ASCII blank: what Go calls printable. */
const toEscape = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A text between double quotes as Go's strconv.Quote writes it; but what is newer than Go's Unicode 15 is not escaped. */
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
