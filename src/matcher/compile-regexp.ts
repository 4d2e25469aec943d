import { RE2JS, RE2JSSyntaxException } from 're2js';
import { MatcherError } from './matcher-error.ts';
import { regexpSize } from './regexp-size.ts';

/** Over this an expression is refused: up to it, it compiles within some 50 ms. RE2's own limit is a minute away. */
const maxSize = 8000;

/** Throws {@link MatcherError} where RE2 refuses the expression, with Go's words, and where it is too large. */
export function compileRegexp(expression: string): RE2JS {
  if (!expression.isWellFormed()) throw new MatcherError(`error parsing regexp: invalid UTF-8: \`${expression}\``);
  if (regexpSize(expression) > maxSize)
    throw new MatcherError(`error parsing regexp: expression too large (over ${maxSize} instructions)`);
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw new MatcherError(inGoWords(error, expression));
    throw error;
  }
}

/** Go always names the part that is wrong: nothing for a backslash at the end, or all of it. */
function inGoWords({ error, input }: RE2JSSyntaxException, expression: string): string {
  const part = input ?? (error.startsWith('trailing backslash') ? '' : expression);
  return `error parsing regexp: ${error}: \`${part}\``;
}
