/** The limit on the nesting of YAML maps and lists. */
export const maxYamlNesting = 500;

const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);
const indicators: ReadonlySet<number> = new Set(Buffer.from('-?:'));
const properties: ReadonlySet<number> = new Set(Buffer.from('&!'));

/**
 * True if one line has more than {@link maxYamlNesting} consecutive signs that begin a list, a key or a value, or name a tag or
 * an anchor, as in `- - - x`. The lexer of the YAML library recurses for each of them: a few kilobytes take it seconds.
 */
export function isNestedTooDeeply(text: string): boolean {
  let start = 0;
  while (start <= text.length) {
    const next = text.indexOf('\n', start);
    const end = next === -1 ? text.length : next;
    // A sign and its blank take two characters. Nearly every line is shorter, so it needs no look at each character.
    if (end - start > 2 * maxYamlNesting && hasTooManySigns(text.slice(start, end))) return true;
    start = end + 1;
  }
  return false;
}

function hasTooManySigns(line: string): boolean {
  let run = 0;
  let isWordStart = true;
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (blanks.has(code)) isWordStart = true;
    else if (isWordStart) {
      isWordStart = false;
      run = properties.has(code) || isIndicator(line, at, code) ? run + 1 : 0;
      if (run > maxYamlNesting) return true;
    }
  }
  return false;
}

/** A sign counts only if it stands alone. */
function isIndicator(line: string, at: number, code: number): boolean {
  if (!indicators.has(code)) return false;
  const next = line.charCodeAt(at + 1);
  return Number.isNaN(next) || blanks.has(next);
}
