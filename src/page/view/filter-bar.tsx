import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { boundsOf, filterCount, readSpan, spanText, type Range, type StateFilter } from '../core/link.ts';
import { after } from '../edge/timer.ts';
import { usePage } from './context.ts';
import { narrowQuery, useMedia } from './row-height.ts';

const stateWords: Readonly<Record<StateFilter, string>> = {
  '': 'All',
  unhealthy: 'Unhealthy',
  unknown: 'Unknown',
  healthy: 'Healthy',
  none: 'No condition yet',
  paused: 'Silence holds an alert',
};

/** The time from one moment to another. */
const fixed = 'fixed';

const spanWords: Readonly<Record<string, string>> = {
  '15m': 'Last 15 min',
  '1h': 'Last hour',
  '6h': 'Last 6 hours',
  '1d': 'Last day',
  '7d': 'Last 7 days',
  [fixed]: 'From … to …',
};

/** Filters that live in the URL: what is set here, a pasted link sets too. */
export function FilterBar({ kinds }: { readonly kinds: readonly string[] }): JSX.Element {
  const { link, change } = usePage();
  const isNarrow = useMedia(narrowQuery);
  const count = filterCount(link);
  return (
    <search>
      <details class="filter-box" open={!isNarrow || count > 0}>
        <summary hidden={!isNarrow}>Filters and time{count > 0 ? `, ${count} set` : ''}</summary>
        <div class="filters">
          <Choice
            label="Kind"
            value={link.kind}
            options={kindOptions(kinds, link.kind)}
            choose={(kind) => change({ kind })}
          />
          <TextFilter label="Name" value={link.name} placeholder="part of a name" field="name" />
          <Choice
            label="State"
            value={link.state}
            options={stateWords}
            choose={(state) => change({ state: state as StateFilter })}
          />
          <TextFilter label="Alert" value={link.alert} placeholder={'severity="critical"'} field="alert" />
          <RangeFilter />
          {count > 0 && (
            <button type="button" class="quiet" onClick={() => change({ kind: '', name: '', state: '', alert: '' })}>
              Clear filters
            </button>
          )}
        </div>
      </details>
    </search>
  );
}

/** A kind in the URL can be chosen even if there is no such pipeline. */
function kindOptions(kinds: readonly string[], chosen: string): Readonly<Record<string, string>> {
  const known = chosen === '' || kinds.includes(chosen) ? kinds : [...kinds, chosen];
  return { '': 'All', ...Object.fromEntries(known.map((kind) => [kind, kind])) };
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** The words of each value. */
  readonly options: Readonly<Record<string, string>>;
  readonly choose: (value: string) => void;
}

function Choice({ label, value, options, choose }: ChoiceProps): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        {Object.entries(options).map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly field: 'name' | 'alert';
}

/** After a key, the text is taken once nothing more comes for so long; milliseconds. A matcher is asked of Tocsin, so it waits longer. */
const restMs = { name: 150, alert: 600 };

function TextFilter({ label, value, placeholder, field }: TextFilterProps): JSX.Element {
  const { change, state } = usePage();
  const { text, type, take } = useTypedText(value, restMs[field], (typed) => change({ [field]: typed.trim() }, false));
  const failure = field === 'alert' && value !== '' ? state.matching?.failure : undefined;
  return (
    <label class="text-filter">
      <span>{label}</span>
      <input
        type="search"
        value={text}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        data-filter={field}
        aria-invalid={failure !== undefined}
        aria-describedby={failure === undefined ? undefined : `${field}-problem`}
        onInput={({ currentTarget }) => type(currentTarget.value)}
        onChange={({ currentTarget }) => take(currentTarget.value)}
      />
      {failure !== undefined && (
        <span id={`${field}-problem`} class="field-problem" role="alert">
          {failure.message}
        </span>
      )}
    </label>
  );
}

interface TypedText {
  /** What the field shows. */
  readonly text: string;
  readonly type: (typed: string) => void;
  readonly take: (typed: string) => void;
}

/** A text that is taken once nobody has typed for a moment. */
function useTypedText(value: string, rest: number, onTaken: (typed: string) => void): TypedText {
  const [text, setText] = useState(value);
  const cancel = useRef<(() => void) | undefined>(undefined);
  useEffect(() => {
    // What is being typed is newer than what the page has taken of it.
    if (cancel.current === undefined) setText(value);
  }, [value]);
  const take = (typed: string): void => {
    cancel.current?.();
    cancel.current = undefined;
    onTaken(typed);
  };
  const type = (typed: string): void => {
    setText(typed);
    cancel.current?.();
    cancel.current = after(rest, () => take(typed));
  };
  return { text, type, take };
}

function RangeFilter(): JSX.Element {
  const { link, change, now } = usePage();
  const { range } = link;
  const value = 'last' in range ? spanText(range.last) : fixed;
  const own = { [value]: `Last ${value.replace(/m$/, ' min')}` };
  const choose = (text: string): void => {
    const last = readSpan(text);
    change({ range: last === undefined ? boundsOf(range, now) : { last } });
  };
  return (
    <>
      <Choice label="Time" value={value} options={{ ...own, ...spanWords }} choose={choose} />
      {!('last' in range) && <FixedRange range={range} />}
    </>
  );
}

function FixedRange({ range }: { readonly range: Extract<Range, { readonly from: number }> }): JSX.Element {
  const { change } = usePage();
  const field = (name: 'from' | 'to', label: string): JSX.Element => (
    <label>
      <span>{label}</span>
      <input
        type="datetime-local"
        step="1"
        value={localInput(range[name])}
        onChange={({ currentTarget }) => {
          const next = { ...range, [name]: Date.parse(currentTarget.value) };
          if (next.from < next.to) change({ range: next });
        }}
      />
    </label>
  );
  return (
    <>
      {field('from', 'From')}
      {field('to', 'To')}
    </>
  );
}

/** As the browser's field wants it: local time, without a zone. */
function localInput(time: number): string {
  const offset = new Date(time).getTimezoneOffset() * 60_000;
  return new Date(time - offset).toISOString().slice(0, 19);
}
