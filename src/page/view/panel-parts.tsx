import type { ComponentChildren, JSX } from 'preact';
import type { Fact } from '../../explain/schema.ts';
import { tellFact } from '../core/fact-sentence.ts';
import type { Sentence } from '../core/parts.ts';
import type { Failure } from '../core/state.ts';
import { span } from '../core/times.ts';
import type { Answer } from './answer.ts';
import { Sign, Time, Words } from './words.tsx';

/** A question, and its answers below it. */
export function Question({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="question">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

export function Answers({ of }: { readonly of: readonly Sentence[] }): JSX.Element {
  return (
    <>
      {of.map((sentence, index) => (
        <p key={index}>
          <Words of={sentence} />
        </p>
      ))}
    </>
  );
}

/** What is shown while there is no answer, or if there is none. */
export function Waiting({
  answer,
  missing,
}: {
  readonly answer: Answer<unknown>;
  readonly missing?: string;
}): JSX.Element {
  if (answer.isLoading) return <p class="under">Looking…</p>;
  return (
    <Failed failure={answer.failure ?? { message: missing ?? 'The history no longer knows it.' }} missing={missing} />
  );
}

function Failed({
  failure,
  missing,
}: {
  readonly failure: Failure;
  readonly missing: string | undefined;
}): JSX.Element {
  return <p>{failure.status === 404 && missing !== undefined ? missing : failure.message}</p>;
}

/** The facts as a story, the oldest first. */
export function FactStory({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  const first = Date.parse(facts[0]?.time ?? '');
  return (
    <ol class="story">
      {facts.map((fact) => {
        const { sentence, tone } = tellFact(fact);
        return (
          <li key={fact.id} class={tone}>
            <Sign of={tone} />
            <span>
              <span class="story-time">
                <Time at={fact.time} /> +{span(Date.parse(fact.time) - first)}
              </span>
              <Words of={sentence} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}

export function LabelList({ labels }: { readonly labels: Readonly<Record<string, string>> }): JSX.Element {
  return (
    <dl class="labels-list">
      {Object.entries(labels).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
