import type { JSX } from 'preact';
import type { Payload } from '../../explain/schema-requests.ts';
import type { Fact } from '../../explain/schema.ts';
import { ownApi, pathOf } from '../core/api-port.ts';
import { changesOf, tellEvent } from '../core/event-story.ts';
import { addFacts } from '../core/facts.ts';
import { passedOver } from '../core/state.ts';
import { useAnswer } from './answer.ts';
import { usePage } from './context.ts';
import { PayloadResult } from './more-lists.tsx';
import { FactStory, LabelList, Question, Waiting } from './panel-parts.tsx';
import { Time, Words } from './words.tsx';

/** The most facts of one request, or of one event, that are shown. */
const shownFacts = 300;

interface Facts {
  readonly items: readonly Fact[];
  readonly next?: string;
}

/** A request: what it brought, and what became of it. */
export function RequestPanel({ id }: { readonly id: string }): JSX.Element {
  const payload = useAnswer(`payload:${id}`, 0, (api) =>
    api.get<Payload>(`${ownApi}/payloads/${encodeURIComponent(id)}`),
  );
  return (
    <>
      {payload.value === undefined ? (
        <Waiting answer={payload} missing="Its body is no longer kept: history.payloads says how many are." />
      ) : (
        <Sender payload={payload.value} />
      )}
      <Story name="request_id" id={id} />
      {payload.value !== undefined && <Body payload={payload.value} />}
    </>
  );
}

function Sender({ payload }: { readonly payload: Payload }): JSX.Element {
  const { at, remote, method, path, headers } = payload;
  return (
    <>
      <p class="summary">
        {headers['user-agent'] ?? 'Somebody'} from {remote} sent it at <Time at={at} />: {method} {path}
      </p>
      <div class="result">
        <PayloadResult payload={payload} />
      </div>
    </>
  );
}

/** An event: the alerts that went together, and the runs that they woke. */
export function EventPanel({ id }: { readonly id: string }): JSX.Element {
  return <Story name="event_id" id={id} />;
}

function Story({ name, id }: { readonly name: 'request_id' | 'event_id'; readonly id: string }): JSX.Element {
  const { state } = usePage();
  const path = pathOf(`${ownApi}/history`, { [name]: id, limit: shownFacts });
  const isOver = state.facts.value.some((fact) => fact.event === 'sweep.finished' && fact['event_id'] === id);
  const answer = useAnswer(`${name}:${id}`, isOver ? 1 : 0, (api) => api.get<Facts>(path));
  if (answer.value === undefined) return <Waiting answer={answer} />;
  const { items, next } = answer.value;
  const told = addFacts([], [...items, ...changesOf(items, state.changes)]).filter(
    ({ event }) => !passedOver.has(event),
  );
  const summary = name === 'event_id' ? tellEvent(told) : undefined;
  return (
    <>
      {summary !== undefined && (
        <p class="summary">
          <Words of={summary} />
        </p>
      )}
      <Question title="What happened">
        {told.length === 0 ? <p>{unknown[name]}</p> : <FactStory facts={told} />}
        {next !== undefined && <p class="under">The oldest lines are left out: there are more than {shownFacts}.</p>}
      </Question>
    </>
  );
}

const unknown = {
  request_id: 'The history knows nothing of this request.',
  event_id: 'The history knows nothing of this event.',
} as const;

function Body({ payload }: { readonly payload: Payload }): JSX.Element {
  const { headers, body = '', cut, bytes } = payload;
  return (
    <>
      <Question title="Headers, without secrets">
        <LabelList labels={headers} />
      </Question>
      <Question title={`Body, ${bytes.toLocaleString('en')} bytes${cut ? ', cut off here' : ''}`}>
        <pre tabIndex={0} role="group" aria-label="Body">
          {pretty(body)}
        </pre>
      </Question>
    </>
  );
}

/** A body that is JSON is indented; any other stays as it came. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return body;
  }
}
