import type { JSX } from 'preact';
import type { Alert, ExplainedAlert } from '../../explain/schema.ts';
import { alertState, alertWords } from '../core/alerts.ts';
import { silenceSentence, tellAlert, tellEffect } from '../core/alert-story.ts';
import { ownApi, pathOf } from '../core/api-port.ts';
import { useAnswer } from './answer.ts';
import { usePage } from './context.ts';
import { Answers, LabelList, Question, Waiting } from './panel-parts.tsx';
import { alertSigns } from './lists.tsx';
import { Sign, Time, Words } from './words.tsx';

/** How many things that it did are shown. */
const shownEffects = 20;

export function AlertPanel({ id }: { readonly id: string }): JSX.Element {
  const { state, show } = usePage();
  const version = state.alertNews.get(id)?.fact.id ?? state.alerts.asOf;
  const path = pathOf(`${ownApi}/alerts/${encodeURIComponent(id)}`, { limit: shownEffects });
  const answer = useAnswer(`alert:${id}`, version, (api) => api.get<ExplainedAlert>(path));
  if (answer.value === undefined) return <Waiting answer={answer} />;
  const { alert, effects, next } = answer.value;
  return (
    <>
      <p class="summary">
        <Words of={tellAlert(alert, effects, state.silences.value)} />
      </p>
      {alert !== undefined && <State alert={alert} />}
      {alert !== undefined && (
        <div class="panel-actions">
          <button type="button" onClick={() => show({ of: 'silence', labels: alert.labels })}>
            Silence it…
          </button>
        </div>
      )}
      <Question title="What it did, the newest first">
        <Effects effects={effects} />
        {next !== undefined && <p class="under">There is more before that: tocsin what shows it.</p>}
      </Question>
      {alert !== undefined && <Labels alert={alert} />}
    </>
  );
}

function State({ alert }: { readonly alert: Alert }): JSX.Element {
  const { state } = usePage();
  const { starts_at: from, ends_at: to, silenced_by: silences = [] } = alert;
  const how = alertState(alert);
  return (
    <>
      <p>
        <span class={`badge ${how}`}>
          <Sign of={alertSigns[how]} />
          {alertWords[how]}
        </span>{' '}
        {from !== undefined && (
          <>
            since <Time at={from} />
          </>
        )}
        {how === 'resolved' && to !== undefined && (
          <>
            , ended at <Time at={to} />
          </>
        )}
      </p>
      <Answers of={silences.map((id) => silenceSentence(id, state.silences.value))} />
    </>
  );
}

function Effects({ effects }: { readonly effects: ExplainedAlert['effects'] }): JSX.Element {
  const { state } = usePage();
  return (
    <ol class="story">
      {effects.map((effect, index) => {
        const { at, tone, sentence } = tellEffect(effect, state.silences.value);
        return (
          <li key={`${at} ${index}`} class={tone}>
            <Sign of={tone} />
            <span>
              <span class="story-time">
                <Time at={at} />
              </span>
              <Words of={sentence} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Labels({ alert }: { readonly alert: Alert }): JSX.Element {
  const { labels, annotations = {}, omitted_labels: omitted } = alert;
  return (
    <>
      <Question title="Labels">
        <LabelList labels={labels} />
        {omitted !== undefined && <p class="under">{omitted} more were too large to keep.</p>}
      </Question>
      {Object.keys(annotations).length > 0 && (
        <Question title="Annotations">
          <LabelList labels={annotations} />
        </Question>
      )}
    </>
  );
}
