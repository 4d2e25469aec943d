import { AnchoredRegexp, MatcherError } from '../../matcher/anchored-regexp.ts';
import type { Matcher } from '../../matcher/matcher.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { receiverName } from './api-json.ts';
import type { Query } from '../../text/go/url.ts';
import { parseMatcher } from '../../matcher/parse-matcher.ts';

/** The most instructions of the regular expressions of all filters of one list together; over it, the list is a 400. */
export const filterInstructions = 8000;

/** Selects alerts. */
export interface AlertQuery {
  /** All of them have to match. */
  readonly matchers: readonly Matcher[];
  /** Whether to list the alerts that no silence suppresses, and those that a silence suppresses. */
  readonly active: boolean;
  readonly silenced: boolean;
  /** False if the query is for another receiver, so that it finds nothing. */
  readonly receiver: boolean;
}

/**
 * Reads the parameters of a list of alerts or of groups. `inhibited`, `muted` and `unprocessed` exclude nothing, because no alert
 * is in any of these states. Throws a MatcherError, in Alertmanager's words.
 */
export function* readAlertQuery(query: Query): Sliced<AlertQuery> {
  const matchers = yield* parseMatchers(query.all('filter'));
  const named = isNamed(query.last('receiver'));
  const labelled = yield* isLabelled(query);
  return { matchers, active: query.flag('active'), silenced: query.flag('silenced'), receiver: named && labelled };
}

/** True if `receiver_matchers` match the receiver. Its only label is its name. */
export function* isLabelled(query: Query): Sliced<boolean> {
  let matchers: readonly Matcher[];
  try {
    matchers = yield* parseMatchers(query.all('receiver_matchers'));
  } catch (error) {
    throw explained('receiver_matchers', error);
  }
  return matchers.every((matcher) => matcher.matches({ name: receiverName }));
}

function isNamed(expression: string | undefined): boolean {
  try {
    return expression === undefined || new AnchoredRegexp(expression).test(receiverName) === true;
  } catch (error) {
    throw explained('receiver', error);
  }
}

function explained(parameter: string, error: unknown): unknown {
  if (!(error instanceof MatcherError)) return error;
  return new MatcherError(`failed to parse ${parameter} param: ${error.message}`);
}

/**
 * Parses the matchers of one request and yields after each, because compiling an expression takes milliseconds. Throws
 * MatcherError if one is invalid, or if all of them together are too large.
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
