import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Alert } from '../../explain/schema.ts';
import { alertState } from '../core/alerts.ts';
import { ownApi, pathOf } from '../core/api-port.ts';
import { counted } from '../core/parts.ts';
import { createSilence } from '../core/actions.ts';
import { readSpan } from '../core/link.ts';
import { draftProblem, matchersOfLabels, matcherText, readMatchers, type SilenceDraft } from '../core/silence-draft.ts';
import { localTime } from '../core/times.ts';
import { after } from '../edge/timer.ts';
import { useAnswer } from './answer.ts';
import { Steps, useAction } from './action-button.tsx';
import { usePage } from './context.ts';
import { FieldProblem, LinesField, Modal, TextField } from './modal.tsx';

const authorKey = 'tocsin-author';

/** Who made the last silence from this browser, so that nobody has to type it again. A browser may refuse to keep it. */
const author = {
  read(): string {
    try {
      return localStorage.getItem(authorKey) ?? '';
    } catch {
      return '';
    }
  },
  write(text: string): void {
    try {
      localStorage.setItem(authorKey, text);
    } catch {
      // It is typed again the next time.
    }
  },
};

/** The lengths to choose from. */
const lengths = {
  '30m': '30 minutes',
  '1h': '1 hour',
  '2h': '2 hours',
  '4h': '4 hours',
  '8h': '8 hours',
  '1d': '1 day',
  '3d': '3 days',
};

interface Fields {
  readonly matchers: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly length: string;
}

/** @param labels of the alert to silence, all of them */
export function SilenceDialog({ labels }: { readonly labels: Readonly<Record<string, string>> }): JSX.Element {
  const { tools } = usePage();
  const [fields, setFields] = useState<Fields>(() => ({
    matchers: matchersOfLabels(labels).map(matcherText).join('\n'),
    createdBy: author.read(),
    comment: '',
    length: '2h',
  }));
  const [problem, setProblem] = useState<string>();
  const { steps, isRunning, start } = useAction();
  const send = (event: Event): void => {
    event.preventDefault();
    const draft = readDraft(fields);
    setProblem(typeof draft === 'string' ? draft : undefined);
    if (typeof draft === 'string' || isRunning) return;
    author.write(draft.createdBy);
    start(createSilence(tools, draft));
  };
  const isDone = steps.some(({ tone }) => tone === 'good');
  return (
    <Modal title="Silence alerts">
      <form onSubmit={send} noValidate>
        <p>Alerts with all of these labels are still stored and shown, but wake nobody.</p>
        <SilenceFields fields={fields} change={(change) => setFields({ ...fields, ...change })} />
        <Preview text={fields.matchers} />
        <FieldProblem text={problem} />
        <Steps steps={steps} />
        {!isDone && (
          <button type="submit" class="main" aria-disabled={isRunning}>
            Silence
          </button>
        )}
      </form>
    </Modal>
  );
}

/** A text says what is wrong. */
function readDraft({ matchers: text, createdBy, comment, length }: Fields): SilenceDraft | string {
  const matchers = readMatchers(text);
  if (typeof matchers === 'string') return matchers;
  const draft = { matchers, createdBy, comment, lastsMs: readSpan(length)! };
  return draftProblem(draft) ?? draft;
}

interface SilenceFieldsProps {
  readonly fields: Fields;
  readonly change: (change: Partial<Fields>) => void;
}

function SilenceFields({ fields, change }: SilenceFieldsProps): JSX.Element {
  const { now } = usePage();
  const { matchers, createdBy, comment, length } = fields;
  // The first that is empty when the window opens.
  const [first] = useState(() => (['matchers', 'createdBy', 'comment'] as const).find((name) => fields[name] === ''));
  const example = 'alertname="InstanceDown"\npod=~"web-.*"';
  return (
    <>
      <LinesField
        label="Labels, one matcher a line"
        value={matchers}
        autofocus={first === 'matchers'}
        placeholder={example}
        change={(text) => change({ matchers: text })}
      />
      <div class="fields">
        <TextField
          label="Who you are"
          value={createdBy}
          autocomplete="name"
          autofocus={first === 'createdBy'}
          change={(text) => change({ createdBy: text })}
        />
        <Length value={length} choose={(text) => change({ length: text })} />
      </div>
      <TextField
        label="Why"
        value={comment}
        placeholder="the disk is being replaced"
        autofocus={first === 'comment'}
        change={(text) => change({ comment: text })}
      />
      <p class="under">It ends at {localTime(now + readSpan(length)!, now)}, local time.</p>
    </>
  );
}

function Length({ value, choose }: { readonly value: string; readonly choose: (text: string) => void }): JSX.Element {
  return (
    <label>
      <span>For how long</span>
      <select value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        {Object.entries(lengths).map(([length, words]) => (
          <option key={length} value={length}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The text is left alone for so long before Tocsin is asked; milliseconds. */
const restMs = 500;

/** How many alerts the matchers would hold back now, as Tocsin says. */
function Preview({ text }: { readonly text: string }): JSX.Element {
  const [rested, setRested] = useState(text);
  useEffect(() => after(restMs, () => setRested(text)), [text]);
  const matchers = readMatchers(rested);
  const filter = typeof matchers === 'string' ? [] : matchers.map(matcherText);
  const { value } = useAnswer(filter.join(), 0, async (api) => {
    if (filter.length === 0) return undefined;
    const { items } = await api.get<{ readonly items: readonly Alert[] }>(
      pathOf(`${ownApi}/alerts`, { filter, limit: 1000 }),
    );
    return items.filter((alert) => alertState(alert) === 'firing').length;
  });
  const many = value === 1000 ? '1,000 alerts or more' : counted(value ?? 0, 'alert');
  return (
    <p class="under" aria-live="polite">
      {value !== undefined &&
        `It would hold back ${value === 0 ? 'no alert that fires now' : `${many} that ${value === 1 ? 'fires' : 'fire'} now`}.`}
    </p>
  );
}
