import { formatDateTime } from '../../text/go/date-time.ts';
import type { Matcher } from '../../matcher/matcher.ts';
import { silenceState, type Silence } from '../../silence/silence.ts';
import { labelsJson } from './alert-json.ts';
import { htmlSafe } from '../../text/go/quote.ts';

/** A silence as `GET` answers it: Alertmanager's gettableSilence, its members in Alertmanager's order. */
export function silenceJson(silence: Silence, now: number): string {
  const { id, annotations, comment, createdBy, matchers, startsAt, endsAt, updatedAt } = silence;
  const annotated = Object.keys(annotations).length > 0 ? `"annotations":${labelsJson(annotations)},` : '';
  return htmlSafe(
    `{"id":"${id}","status":{"state":"${silenceState(silence, now)}"},"updatedAt":"${formatDateTime(updatedAt)}",` +
      `${annotated}"comment":${JSON.stringify(comment)},"createdBy":${JSON.stringify(createdBy)},` +
      `"endsAt":"${formatDateTime(endsAt)}","matchers":[${matchers.map(matcherJson).join(',')}],` +
      `"startsAt":"${formatDateTime(startsAt)}"}`,
  );
}

function matcherJson({ name, value, type }: Matcher): string {
  const isEqual = type === '=' || type === '=~';
  return JSON.stringify({ isEqual, isRegex: type === '=~' || type === '!~', name, value });
}
