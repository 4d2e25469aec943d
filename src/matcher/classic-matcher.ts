import { Matcher, type MatchType } from './matcher.ts';
import { MatcherError } from './matcher-error.ts';

/** Name and operator, and the blanks around them; blanks are Go's `\s`. The rest is read by hand: it must take linear time. */
const head = /^[\t\n\f\r ]*([a-zA-Z_:][\w:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*/;

/**
 * Reads a matcher of the grammar that Alertmanager had before it took UTF-8: `job=~"node.*"`, `job = node`, `job=`.
 * The rules and the words of the problems are those of its pkg/labels/parse.go. Throws a MatcherError.
 */
export function parseClassicMatcher(text: string): Matcher {
  const match = head.exec(text);
  if (match === null) throw new MatcherError(`bad matcher format: ${text}`);
  const [all, name, type] = match;
  return new Matcher(name!, readValue(trimEnd(text.slice(all.length))), type as MatchType);
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && '\t\n\f\r '.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

function readValue(written: string): string {
  const quoted = written.startsWith('"');
  const rest = quoted ? written.slice(1) : written;
  if (!rest.isWellFormed()) throw new MatcherError(`matcher value not valid UTF-8: ${written}`);
  const { value, quoteAt } = unescape(rest);
  if (quoteAt === (quoted ? rest.length - 1 : undefined) && !(quoted && rest === '')) return value;
  throw new MatcherError(`matcher value contains unescaped double quote: ${written}`);
}

/** The text up to its first quote that no backslash stands before, and where that is. Only `\\`, `\"` and `\n` are escapes. */
function unescape(text: string): { readonly value: string; readonly quoteAt: number | undefined } {
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') return { value, quoteAt: at };
    const next = text[at + 1];
    if (character !== '\\' || next === undefined) value += character;
    else {
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`;
      at++;
    }
  }
  return { value, quoteAt: undefined };
}
