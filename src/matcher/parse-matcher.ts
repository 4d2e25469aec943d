import { parseClassicMatcher } from './classic-matcher.ts';
import type { Matcher } from './matcher.ts';
import { MatcherError } from './matcher-error.ts';
import { parseUtf8Matcher } from './utf8-matcher.ts';

/**
 * Reads one matcher, such as `job=~"node.*"`, as Alertmanager 0.34 does where nothing else is configured: what both its
 * grammars take, the classic one may interpret; what neither takes, is refused with the words of the classic one.
 * A byte that is not UTF-8 stands in the text as a lone surrogate. Throws a MatcherError.
 */
export function parseMatcher(text: string): Matcher {
  if (text.startsWith('{') || text.endsWith('}')) throw new MatcherError(`unexpected open or close brace: ${text}`);
  try {
    return parseClassicMatcher(text);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return parseUtf8(text, error);
  }
}

function parseUtf8(text: string, classicError: MatcherError): Matcher {
  try {
    return parseUtf8Matcher(text);
  } catch (error) {
    throw error instanceof MatcherError ? classicError : error;
  }
}
