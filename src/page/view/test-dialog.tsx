import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { sendTestAlert } from '../core/actions.ts';
import { readMatchers } from '../core/silence-draft.ts';
import { Steps, useAction } from './action-button.tsx';
import { usePage } from './context.ts';
import { FieldProblem, LinesField, Modal } from './modal.tsx';

export function TestDialog(): JSX.Element {
  const { tools } = usePage();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const { steps, isRunning, start } = useAction();
  const send = (event: Event): void => {
    event.preventDefault();
    const labels = readLabels(text);
    setProblem(typeof labels === 'string' ? labels : undefined);
    if (typeof labels !== 'string' && !isRunning) start(sendTestAlert(tools, labels));
  };
  return (
    <Modal title="Send a test alert">
      <form onSubmit={send} noValidate>
        <p>
          An alert named TocsinTest goes the real way: received, stored, made into an event, pipelines looked at. It
          changes no condition by itself, and ends after 5 minutes.
        </p>
        <LinesField
          label="Other labels, one a line (may be empty)"
          value={text}
          placeholder={'pipeline_name="backend"'}
          change={setText}
        />
        <FieldProblem text={problem} />
        <Steps steps={steps} />
        <button type="submit" class="main" aria-disabled={isRunning}>
          Send
        </button>
      </form>
    </Modal>
  );
}

/** A text says what is wrong. */
function readLabels(text: string): Readonly<Record<string, string>> | string {
  if (text.trim() === '') return {};
  const read = readMatchers(text);
  if (typeof read === 'string') return read;
  if (read.some(({ isRegex, isEqual }) => isRegex || isEqual === false)) return 'A label of an alert is name="value".';
  return Object.fromEntries(read.map(({ name, value }) => [name, value]));
}
