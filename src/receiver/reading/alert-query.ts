import { AnchoredRegexp } from '../../alert/anchored-regexp.ts';
import type { Matcher } from '../../alert/matcher.ts';
import { MatcherError } from '../../alert/matcher-error.ts';
import { parseMatcher } from '../../alert/parse-matcher.ts';
import type { Sliced } from '../../alert/sliced.ts';
import { receiverName } from '../answer/alert-json.ts';
import type { Query } from '../request/query.ts';

/** Which alerts are asked for. */
export interface AlertQuery {
  /** All of them have to match. */
  readonly matchers: readonly Matcher[];
  /** Whether those are wanted that no silence suppresses, and those that one does. */
  readonly active: boolean;
  readonly silenced: boolean;
  /** False if what is asked for goes to another receiver, so that it is nothing. */
  readonly receiver: boolean;
}

/**
 * Reads the parameters of a list of alerts or of groups. `inhibited`, `muted` and `unprocessed` leave nothing out: no alert is
 * any of these. Throws a MatcherError, with Alertmanager's words.
 */
export function* readAlertQuery(query: Query): Sliced<AlertQuery> {
  const matchers = yield* parseMatchers(query.all('filter'));
  const named = explain('receiver', () => isNamed(query.last('receiver')));
  const labelled = yield* isLabelled(query);
  return { matchers, active: query.flag('active'), silenced: query.flag('silenced'), receiver: named && labelled };
}

/** Whether the receiver is one of those that `receiver_matchers` asks for. Its only label is its name. */
export function* isLabelled(query: Query): Sliced<boolean> {
  const matchers: Matcher[] = [];
  for (const text of query.all('receiver_matchers')) {
    yield;
    matchers.push(explain('receiver_matchers', () => parseMatcher(text)));
  }
  return matchers.every((matcher) => matcher.matches({ name: receiverName }));
}

/** A step for each: an expression takes milliseconds to compile. */
function* parseMatchers(texts: readonly string[]): Sliced<readonly Matcher[]> {
  const matchers: Matcher[] = [];
  for (const text of texts) {
    yield;
    matchers.push(parseMatcher(text));
  }
  return matchers;
}

function isNamed(expression: string | undefined): boolean {
  return expression === undefined || new AnchoredRegexp(expression).test(receiverName) === true;
}

function explain<T>(parameter: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    throw new MatcherError(`failed to parse ${parameter} param: ${error.message}`);
  }
}
