import type { Matcher } from '../../matcher/matcher.ts';
import { silenceState, type Silence, type SilenceState } from '../../silence/silence.ts';
import type { Silences } from '../../silence/silences.ts';
import { slicedSort } from '../../runtime/slices.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SlicedText } from './alert-lists.ts';
import type { Query } from '../../text/go/url.ts';
import { parseMatchers } from './alert-query.ts';
import { silenceJson } from './api-json.ts';

/** Looks at so many silences in a step. */
const silencesPerStep = 64;

interface Listed {
  readonly silence: Silence;
  readonly state: SilenceState;
}

/**
 * The answer of `GET /api/v2/silences`: first the active ones, the next to end first; then those to come, the next to start
 * first; then those that have ended, the last one first. Throws a MatcherError before it gives any text.
 */
export function* silenceList(silences: Silences, clock: Clock, query: Query): SlicedText {
  const matchers = yield* parseMatchers(query.all('filter'));
  const now = clock.now();
  const found: Listed[] = [];
  let looked = 0;
  for (const silence of silences.all()) {
    if (++looked % silencesPerStep === 0) yield;
    const state = silenceState(silence, now);
    if (query.flag(state) && holdsAll(silence, matchers)) found.push({ silence, state });
  }
  let before = '[';
  for (const { silence } of yield* slicedSort(found, compare)) {
    yield before + silenceJson(silence, now);
    before = ',';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

const order: Readonly<Record<SilenceState, number>> = { active: 1, pending: 2, expired: 3 };

function compare(a: Listed, b: Listed): number {
  if (a.state !== b.state) return order[a.state] - order[b.state];
  switch (a.state) {
    case 'active':
      return a.silence.endsAt - b.silence.endsAt;
    case 'pending':
      return a.silence.startsAt - b.silence.startsAt;
    case 'expired':
      return b.silence.endsAt - a.silence.endsAt;
  }
}

/** It is not evaluated: the silence has to have a matcher that is the same, for each. */
function holdsAll(silence: Silence, wanted: readonly Matcher[]): boolean {
  return wanted.every(({ name, type, value }) =>
    silence.matchers.some((matcher) => matcher.name === name && matcher.type === type && matcher.value === value),
  );
}
