import type { JSX } from 'preact';
import type { Run } from '../../explain/schema.ts';
import { findRun } from '../core/find-run.ts';
import { textField } from '../core/facts.ts';
import { tellRun } from '../core/run-story.ts';
import { span } from '../core/times.ts';
import { useAnswer } from './answer.ts';
import { usePage } from './context.ts';
import { Answers, Question, Waiting } from './panel-parts.tsx';
import { Time, Words } from './words.tsx';

export function RunPanel({ pipeline, id }: { readonly pipeline: string; readonly id: string }): JSX.Element {
  const { state } = usePage();
  const facts = [...state.changes, ...state.facts.value].filter((fact) => textField(fact, 'run') === id);
  const newest = Math.max(0, ...facts.map((fact) => fact.id));
  const ended = facts.find((fact) => fact.id === newest);
  const at = ended === undefined ? undefined : Date.parse(ended.time);
  const answer = useAnswer(`run:${pipeline}:${id}`, newest, (api) => findRun(api, pipeline, id, at));
  if (answer.value === undefined) return <Waiting answer={answer} missing={notKnown} />;
  return <RunStory run={answer.value} />;
}

const notKnown =
  'The history does not know this run. It is older than history.retention, or history.max_size was not enough; or it was a periodic look that changed nothing.';

export function RunStory({ run }: { readonly run: Run }): JSX.Element {
  const { now } = usePage();
  const { summary, rows, hops } = tellRun(run, now);
  return (
    <>
      <p class="summary">
        <Words of={summary} />
      </p>
      <p class="under">
        <Time at={run.at} />, <Time at={run.at} isAgo />
      </p>
      {rows.map(({ question, answers }) => (
        <Question key={question} title={question}>
          <Answers of={answers} />
        </Question>
      ))}
      {hops.length > 0 && <Hops hops={hops} />}
    </>
  );
}

function Hops({ hops }: { readonly hops: ReturnType<typeof tellRun>['hops'] }): JSX.Element {
  const total = Math.max(1, ...hops.map(({ afterMs }) => afterMs));
  return (
    <Question title="How long each step took">
      <table class="hops">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">After</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {hops.map(({ name, at, afterMs }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <span class="took" aria-hidden="true">
                  <span style={{ width: `${(100 * afterMs) / total}%` }} />
                </span>
                {span(afterMs)}
              </td>
              <td>
                <Time at={at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Question>
  );
}
