/** The limit on the nesting of YAML maps and lists. */
export const maxYamlNesting = 500;

const lineFeed = 0x0a;
const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);
const indicators: ReadonlySet<number> = new Set(Buffer.from('-?:'));
const properties: ReadonlySet<number> = new Set(Buffer.from('&!'));

/**
 * True if one line has more than {@link maxYamlNesting} consecutive signs that begin a list, a key or a value, or name a tag or
 * an anchor, as in `- - - x`. The lexer of the YAML library recurses for each of them: a few kilobytes take it seconds.
 */
export function isNestedTooDeeply(text: string): boolean {
  let run = 0;
  let isWordStart = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === lineFeed) run = 0;
    if (code === lineFeed || blanks.has(code)) isWordStart = true;
    else if (isWordStart) {
      isWordStart = false;
      run = properties.has(code) || isIndicator(text, at, code) ? run + 1 : 0;
      if (run > maxYamlNesting) return true;
    }
  }
  return false;
}

/** A sign counts only if it stands alone. */
function isIndicator(text: string, at: number, code: number): boolean {
  if (!indicators.has(code)) return false;
  const next = text.charCodeAt(at + 1);
  return Number.isNaN(next) || next === lineFeed || blanks.has(next);
}
