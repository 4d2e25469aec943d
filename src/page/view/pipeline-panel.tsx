import type { JSX } from 'preact';
import type { Pipeline, Run } from '../../explain/schema.ts';
import { pipelineOfKey, showPipeline } from '../../explain/words.ts';
import { reconcileNow } from '../core/actions.ts';
import { silenceSentence } from '../core/alert-story.ts';
import { runsPath } from '../core/find-run.ts';
import { alertPart, runPart, type Sentence } from '../core/parts.ts';
import { healthOf } from '../core/pipelines.ts';
import { briefRun, tellRun } from '../core/run-story.ts';
import { currentPipelines } from '../core/current.ts';
import { ActionButton } from './action-button.tsx';
import { useAnswer } from './answer.ts';
import { usePage } from './context.ts';
import { Answers, Question, Waiting } from './panel-parts.tsx';
import { HealthBadge, Time, Words } from './words.tsx';

/** How many of its runs are shown. */
const shownRuns = 25;

export function PipelinePanel({ id }: { readonly id: string }): JSX.Element {
  const { state, tools, show } = usePage();
  const pipeline = currentPipelines(state).find((each) => showPipeline(each).toLowerCase() === id.toLowerCase());
  const version = state.news.get(id)?.ended?.id ?? state.pipelines.asOf;
  const runs = useAnswer(`pipeline:${id}`, version, (api) =>
    api.get<{ readonly items: readonly Run[] }>(runsPath(id, { limit: shownRuns })),
  );
  const firing = pipeline?.firing[0];
  return (
    <>
      {pipeline === undefined ? <Missing id={id} /> : <Condition pipeline={pipeline} />}
      <div class="panel-actions">
        <ActionButton action={() => reconcileNow(tools, [pipelineOfKey(id)])}>Reconcile now</ActionButton>
        {firing !== undefined && (
          <button type="button" onClick={() => show({ of: 'silence', labels: firing.labels })}>
            Silence {firing.alertname}…
          </button>
        )}
      </div>
      {pipeline !== undefined && <Around pipeline={pipeline} />}
      {runs.value === undefined ? <Waiting answer={runs} /> : <Runs runs={runs.value.items} />}
    </>
  );
}

function Missing({ id }: { readonly id: string }): JSX.Element {
  const { state } = usePage();
  if (!state.pipelines.isReady) return <p class="under">Looking…</p>;
  return <p class="summary">Tocsin has no pipeline {id} any more. What the history knows of it is below.</p>;
}

function Condition({ pipeline }: { readonly pipeline: Pipeline }): JSX.Element {
  const { condition } = pipeline;
  if (condition === undefined) return <p class="summary">Tocsin has written no condition for it yet.</p>;
  return (
    <>
      <p class="summary">
        <HealthBadge health={healthOf(pipeline)} /> <strong>{condition.reason}</strong>
        {condition.since !== undefined && (
          <>
            {' '}
            since <Time at={condition.since} /> (<Time at={condition.since} isAgo />)
          </>
        )}
      </p>
      <p>{condition.message}</p>
    </>
  );
}

const lookWords = {
  retry: 'because the last one failed',
  held: 'because a change waits',
  requeue: 'because the last run asked for it',
  resync: 'with the periodic look at all',
} as const;

function Around({ pipeline }: { readonly pipeline: Pipeline }): JSX.Element {
  const { state } = usePage();
  const { firing, paused_by: paused, next_look: next } = pipeline;
  return (
    <>
      <Question title="What fires for it">
        {firing.length === 0 ? <p>Nothing.</p> : <Answers of={firing.map((alert): Sentence => [alertPart(alert)])} />}
      </Question>
      {paused.length > 0 && (
        <Question title="Paused by">
          <Answers of={paused.map((id) => silenceSentence(id, state.silences.value))} />
        </Question>
      )}
      {next !== undefined && (
        <Question title="What comes next">
          <p>
            It is looked at <Time at={next.at} isAgo />, at <Time at={next.at} />, {lookWords[next.why]}.
          </p>
        </Question>
      )}
    </>
  );
}

function Runs({ runs }: { readonly runs: readonly Run[] }): JSX.Element {
  const { now } = usePage();
  const changed = runs.find(({ transition }) => transition !== undefined);
  if (runs.length === 0) return <Question title="Runs">The history knows no run of it.</Question>;
  return (
    <>
      {changed !== undefined && (
        <Question title="Why it says that">
          <p>
            At <Time at={changed.at} />: <Words of={tellRun(changed, now).summary} />{' '}
            <Words of={[runPart(changed.pipeline, changed.id, 'The whole story')]} />.
          </p>
        </Question>
      )}
      <Question title="Its runs, the newest first">
        <ul class="runs">
          {runs.map((run) => (
            <li key={run.id}>
              <Time at={run.at} />
              <span>
                <Words of={[runPart(run.pipeline, run.id, briefRun(run))]} />
                <span class="under">{wakers(run)}</span>
              </span>
            </li>
          ))}
        </ul>
      </Question>
    </>
  );
}

function wakers({ causes, more_causes: more, triggers }: Run): string {
  const names = [...new Set(causes.map(({ alertname }) => alertname))];
  const others = triggers.filter((trigger) => trigger !== 'alert' && trigger !== 'silence');
  const known = [...names.slice(0, 2), ...others];
  const rest = names.length - 2 + more;
  return [...known, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}
