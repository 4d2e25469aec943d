import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Payload } from '../../explain/schema-requests.ts';
import type { Fact } from '../../explain/schema.ts';
import { tellFact } from '../core/fact-sentence.ts';
import { counted } from '../core/parts.ts';
import { factSelection, type Selection } from '../core/selection.ts';
import { matcherText } from '../core/silence-draft.ts';
import type { Silence } from '../core/state.ts';
import { VirtualTable } from './virtual-table.tsx';
import { OpenLink, Sign, Time, Words } from './words.tsx';

export function FactTable({ items }: { readonly items: readonly Fact[] }): JSX.Element {
  return (
    <VirtualTable
      label="What happened, the newest first"
      columns={['Time', 'What happened']}
      items={items}
      list="facts"
      keyOf={({ id }) => String(id)}
      classOf={() => 'facts'}
      selectionOf={factSelection}
      row={factRow}
    />
  );
}

function factRow(fact: Fact, tabIndex: number): JSX.Element {
  return <FactCells {...{ fact, tabIndex }} />;
}

function FactCells({ fact, tabIndex }: { readonly fact: Fact; readonly tabIndex: number }): JSX.Element {
  const { sentence, tone } = useMemo(() => tellFact(fact), [fact]);
  const opens = factSelection(fact);
  const words = <Words of={sentence} isPlain />;
  return (
    <>
      <span role="cell" class="cell-time">
        <Time at={fact.time} />
      </span>
      <span role="cell" class={`cell-fact ${tone}`}>
        <Sign of={tone} {...(tone === 'bad' && { words: 'Bad:' })} />
        {opens === undefined ? (
          <span>{words}</span>
        ) : (
          <OpenLink {...{ opens, tabIndex }} class="whole">
            {words}
          </OpenLink>
        )}
      </span>
    </>
  );
}

function selectionOfPayload({ request_id: id }: Payload): Selection {
  return { of: 'request', id };
}

export function PayloadTable({ items }: { readonly items: readonly Payload[] }): JSX.Element {
  return (
    <VirtualTable
      label="The last bodies that came in, the newest first"
      columns={['Request', 'Sender', 'What became of it', 'Time']}
      items={items}
      list="payloads"
      keyOf={({ request_id: id }) => id}
      classOf={() => 'payloads'}
      selectionOf={selectionOfPayload}
      row={payloadRow}
    />
  );
}

function payloadRow(payload: Payload, tabIndex: number): JSX.Element {
  return <PayloadCells {...{ payload, tabIndex }} />;
}

function PayloadCells({ payload, tabIndex }: { readonly payload: Payload; readonly tabIndex: number }): JSX.Element {
  const { request_id: id, remote, method, path, headers, bytes, at } = payload;
  return (
    <>
      <span role="cell" class="cell-name">
        <OpenLink opens={selectionOfPayload(payload)} tabIndex={tabIndex}>
          {id}
        </OpenLink>
        <span class="under">
          {method} {path}, {bytes.toLocaleString('en')} bytes
        </span>
      </span>
      <span role="cell" class="cell-sender">
        {headers['user-agent'] ?? 'unknown'}
        <span class="under">{remote}</span>
      </span>
      <span role="cell" class="cell-text">
        <PayloadResult {...{ payload }} />
      </span>
      <span role="cell" class="cell-time">
        <Time at={at} isAgo />
      </span>
    </>
  );
}

export function PayloadResult({ payload }: { readonly payload: Payload }): JSX.Element {
  const { outcome, reason, alerts = 0, new: fresh = 0, invalid = 0, suppressed = 0, runs } = payload;
  if (outcome === 'rejected') return <span class="reason">Refused: {reason ?? 'the reason is not known'}</span>;
  if (outcome === 'unknown') return <span class="under">The history no longer knows</span>;
  const parts = [
    `${counted(alerts, 'alert')}, ${fresh} new`,
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
    ...(suppressed > 0 ? [`${suppressed} silenced`] : []),
  ];
  return (
    <>
      <span>{parts.join(', ')}</span>
      <span class="under">{runs.length === 0 ? 'woke nobody' : `woke ${counted(runs.length, 'run')}`}</span>
    </>
  );
}

function selectionOfSilence({ id }: Silence): Selection {
  return { of: 'silence', id };
}

const silenceSigns = { active: 'warn', pending: 'none', expired: 'quiet' } as const;
export const silenceWords = { active: 'Holds', pending: 'Planned', expired: 'Ended' } as const;

export function SilenceTable({ items }: { readonly items: readonly Silence[] }): JSX.Element {
  return (
    <VirtualTable
      label="Silences, those that hold first"
      columns={['Silence', 'State', 'Of whom and why', 'Ends']}
      items={items}
      list="silences"
      keyOf={({ id }) => id}
      classOf={() => 'silences'}
      selectionOf={selectionOfSilence}
      row={silenceRow}
    />
  );
}

function silenceRow(silence: Silence, tabIndex: number): JSX.Element {
  return <SilenceCells {...{ silence, tabIndex }} />;
}

function SilenceCells({ silence, tabIndex }: { readonly silence: Silence; readonly tabIndex: number }): JSX.Element {
  const { id, matchers, status, createdBy, comment, endsAt } = silence;
  return (
    <>
      <span role="cell" class="cell-name">
        <OpenLink opens={selectionOfSilence(silence)} tabIndex={tabIndex}>
          {matchers.map(matcherText).join(', ')}
        </OpenLink>
        <span class="under">{id.slice(0, 8)}</span>
      </span>
      <span role="cell" class="cell-state">
        <span class={`badge ${status.state}`}>
          <Sign of={silenceSigns[status.state]} />
          {silenceWords[status.state]}
        </span>
      </span>
      <span role="cell" class="cell-text">
        <span>{createdBy}</span>
        <span class="under">{comment}</span>
      </span>
      <span role="cell" class="cell-time">
        <Time at={endsAt} isAgo />
      </span>
    </>
  );
}
