import type { Matcher } from '../../matcher/matcher.ts';
import { MatcherError } from '../../matcher/matcher-error.ts';
import { parseMatcher } from '../../matcher/parse-matcher.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { filterInstructions } from '../../limits.ts';

/**
 * The matchers of one request; a step for each, for an expression takes milliseconds to compile. Throws MatcherError if one is
 * none, and if all of them together are too large.
 */
export function* parseMatchers(texts: readonly string[]): Sliced<readonly Matcher[]> {
  const matchers: Matcher[] = [];
  let instructions = 0;
  for (const text of texts) {
    yield;
    const matcher = parseMatcher(text);
    instructions += matcher.instructions;
    if (instructions > filterInstructions)
      throw new MatcherError(
        `the regular expressions of all filters together are too large (over ${filterInstructions} instructions)`,
        'filter_instructions',
      );
    matchers.push(matcher);
  }
  return matchers;
}
