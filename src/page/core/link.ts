import { readSelection, selectionText, type Selection } from './selection.ts';

/**
 * What the page shows, as its URL says it: the filters, the list and what is open beside it. A value that is not known is passed
 * over, so that an old or a broken link still opens the page.
 */
export interface Link {
  readonly list: List;
  /** A kind of pipelines; '' for all. */
  readonly kind: string;
  /** A part of the names of pipelines; '' for all. */
  readonly name: string;
  readonly state: StateFilter;
  /** A matcher of alerts, such as `severity="critical"`; '' for all. */
  readonly alert: string;
  /** True if the list of facts has every step on the way. */
  readonly steps: boolean;
  readonly range: Range;
  readonly selected: Selection | undefined;
}

export const lists = ['pipelines', 'alerts', 'facts', 'payloads', 'silences'] as const;
export type List = (typeof lists)[number];

export const stateFilters = ['', 'unhealthy', 'unknown', 'healthy', 'none', 'paused'] as const;
export type StateFilter = (typeof stateFilters)[number];

/** The last milliseconds up to now, or a time that does not move; milliseconds since the epoch. */
export type Range = { readonly last: number } | { readonly from: number; readonly to: number };

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const units: Readonly<Record<string, number>> = { m: minute, h: hour, d: day };

/** The longest time that one can look at, milliseconds. */
export const longestRange = 31 * day;

export const defaultLink: Link = {
  list: 'pipelines',
  kind: '',
  name: '',
  state: '',
  alert: '',
  steps: false,
  range: { last: hour },
  selected: undefined,
};

export function writeLink(link: Link): string {
  const query = new URLSearchParams();
  const set = (name: string, value: string, usual: string): void => {
    if (value !== usual) query.set(name, value);
  };
  set('list', link.list, defaultLink.list);
  set('kind', link.kind, '');
  set('name', link.name, '');
  set('state', link.state, '');
  set('alert', link.alert, '');
  set('steps', link.steps ? '1' : '', '');
  if ('last' in link.range) set('last', spanText(link.range.last), spanText(hour));
  else {
    query.set('from', new Date(link.range.from).toISOString());
    query.set('to', new Date(link.range.to).toISOString());
  }
  if (link.selected !== undefined) query.set('open', selectionText(link.selected));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

export function readLink(search: string): Link {
  const query = new URLSearchParams(search);
  const text = (name: string): string => query.get(name) ?? '';
  return {
    list: oneOf(lists, text('list')) ?? defaultLink.list,
    kind: text('kind'),
    name: text('name'),
    state: oneOf(stateFilters, text('state')) ?? '',
    alert: text('alert'),
    steps: text('steps') === '1',
    range: readRange(text('from'), text('to'), text('last')),
    selected: readSelection(text('open')),
  };
}

function oneOf<Value extends string>(values: readonly Value[], text: string): Value | undefined {
  return values.find((value) => value === text);
}

function readRange(fromText: string, toText: string, lastText: string): Range {
  const [from, to] = [Date.parse(fromText), Date.parse(toText)];
  if (from < to && to - from <= longestRange) return { from, to };
  const last = readSpan(lastText);
  return last === undefined ? defaultLink.range : { last };
}

/** Such as `15m`, `6h`; whole minutes. */
export function spanText(ms: number): string {
  if (ms % day === 0) return `${ms / day}d`;
  return ms % hour === 0 ? `${ms / hour}h` : `${Math.round(ms / minute)}m`;
}

export function readSpan(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * units[unit]!;
  return ms > 0 && ms <= longestRange ? ms : undefined;
}

/** The bounds of a range, milliseconds since the epoch. */
export function boundsOf(range: Range, now: number): { readonly from: number; readonly to: number } {
  return 'last' in range ? { from: now - range.last, to: now } : range;
}

/** How many filters are set, besides the time. */
export function filterCount({ kind, name, state, alert }: Link): number {
  return [kind, name, state, alert].filter((text) => text !== '').length;
}
