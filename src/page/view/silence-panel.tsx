import type { JSX } from 'preact';
import { endSilence } from '../core/actions.ts';
import { alertPart, counted, listed } from '../core/parts.ts';
import { matcherText } from '../core/silence-draft.ts';
import { currentAlerts } from '../core/current.ts';
import type { Silence } from '../core/state.ts';
import { ActionButton } from './action-button.tsx';
import { useAnswer } from './answer.ts';
import { usePage } from './context.ts';
import { silenceWords } from './more-lists.tsx';
import { Question, Waiting } from './panel-parts.tsx';
import { Time, Words } from './words.tsx';

export function SilencePanel({ id }: { readonly id: string }): JSX.Element {
  const { state } = usePage();
  const known = state.silences.value.find((silence) => silence.id === id);
  const answer = useAnswer(`silence:${id}`, 0, (api) =>
    known === undefined ? api.get<Silence>(`api/v2/silence/${encodeURIComponent(id)}`) : Promise.resolve(known),
  );
  const silence = known ?? answer.value;
  if (silence === undefined)
    return (
      <Waiting
        answer={answer}
        missing="This silence is no longer known: it ended longer ago than receiver.silence_retention."
      />
    );
  return <SilenceStory silence={silence} />;
}

function SilenceStory({ silence }: { readonly silence: Silence }): JSX.Element {
  const { tools } = usePage();
  const { comment, startsAt, endsAt, status, matchers } = silence;
  return (
    <>
      <p class="summary">“{comment}”</p>
      <p>
        {silenceWords[status.state]}: from <Time at={startsAt} /> to <Time at={endsAt} /> (<Time at={endsAt} isAgo />
        ).
      </p>
      <ActionButton action={() => endSilence(tools, silence)} isOffered={status.state !== 'expired'}>
        End it now
      </ActionButton>
      <Question title="Holds back alerts with">
        <ul class="matchers">
          {matchers.map((matcher) => (
            <li key={matcherText(matcher)}>{matcherText(matcher)}</li>
          ))}
        </ul>
      </Question>
      <HeldBack id={silence.id} />
    </>
  );
}

function HeldBack({ id }: Pick<Silence, 'id'>): JSX.Element {
  const { state } = usePage();
  const held = currentAlerts(state).filter(({ silenced_by: silences = [] }) => silences.includes(id));
  const names = listed(
    held.map((alert) => alertPart(alert)),
    10,
  );
  return (
    <Question title="Alerts that it holds back now">
      <p>{held.length === 0 ? 'None.' : <Words of={[`${counted(held.length, 'alert')}: `, ...names]} />}</p>
    </Question>
  );
}
