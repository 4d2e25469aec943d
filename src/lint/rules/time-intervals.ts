import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

const weekdays = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');
const months = 'january february march april may june july august september october november december'.split(' ');

/** How the two ends of a range are read, as `monday:friday` or `-3:-1`. */
interface RangeKind {
  readonly read: (text: string) => number | undefined;
  readonly allowed: string;
  /** The text is one of the days of a month, where -1 is the last one. */
  readonly isDayOfMonth?: boolean;
}

const ranges: Readonly<Record<string, RangeKind>> = {
  weekdays: { read: (text) => indexIn(weekdays, text), allowed: 'days of the week, as in monday:friday' },
  months: {
    read: (text) => {
      const index = indexIn(months, text);
      return index === undefined ? wholeIn(text, 1, 12) : index + 1;
    },
    allowed: 'months, as in january:march or 1:3',
  },
  days_of_month: {
    read: (text) => (text === '0' ? undefined : wholeIn(text, -31, 31)),
    allowed: 'days from 1 to 31, or from the end as in -3:-1',
    isDayOfMonth: true,
  },
  years: { read: (text) => wholeIn(text, 0, 100_000), allowed: 'years, as in 2026:2027' },
};

function indexIn(names: readonly string[], text: string): number | undefined {
  const index = names.indexOf(text);
  return index === -1 ? undefined : index;
}

function wholeIn(text: string, least: number, most: number): number | undefined {
  const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

/** The times of `time_intervals`, as Alertmanager reads them. */
export const timeIntervalRule: Rule = (context) => {
  for (const { value, type } of FileShape.of(context.subject)?.spots(context.subject.root) ?? []) {
    if (type === 'timeRange' && value.kind === 'map') checkTimes(value, context);
    if (type !== 'timeinterval.TimeInterval') continue;
    for (const [key, kind] of Object.entries(ranges))
      for (const item of value.get(key)?.items ?? []) checkRange(item, key, kind, context);
    checkLocation(value.get('location'), context);
  }
};

function checkRange(
  item: YamlValue,
  key: string,
  { read, allowed, isDayOfMonth }: RangeKind,
  { report }: RuleContext,
): void {
  if (item.text === undefined) return;
  const [first = '', last = first, ...others] = item.text.toLowerCase().split(':');
  const [begin, end] = [read(first), read(last)];
  if (begin === undefined || end === undefined || others.length > 0)
    report('bad-value', item, `${key}: found ${shown(item.text)}, allowed: ${allowed}`, { hint: `write ${allowed}` });
  else if (isDayOfMonth === true ? isBackwards(begin, end) : begin > end)
    report('bad-value', item, `${key}: ${shown(item.text)} ends before it begins`, {
      hint: 'write the earlier one first, or two ranges',
    });
}

/** A month has 28 days at least, so that -1 is its 27th or a later one. */
function isBackwards(begin: number, end: number): boolean {
  return (begin < 0 && end > 0) || dayOf(begin) > dayOf(end);
}

function dayOf(index: number): number {
  return index < 0 ? 28 + index : index;
}

function checkTimes(range: YamlValue, { report }: RuleContext): void {
  const [start, end] = ['start_time', 'end_time'].map((key) => range.get(key));
  if (!start?.text || !end?.text) {
    report('missing-key', range, 'times: start_time and end_time are needed', { hint: 'a day ends at 24:00' });
    return;
  }
  for (const each of [start, end])
    if (!/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(each.text ?? ''))
      report('bad-value', each, `found ${shown(each.text ?? '')}, allowed: a time from 00:00 to 24:00`, {
        hint: 'write hours and minutes with two digits each, in quotes',
      });
  if (start.text >= end.text)
    report('bad-value', range, `${start.text} is not before ${end.text}`, {
      hint: 'a range does not pass midnight: write two, until 24:00 and from 00:00',
    });
}

function checkLocation(location: YamlValue | undefined, { report }: RuleContext): void {
  if (!location?.text || location.text === 'Local') return;
  try {
    new Intl.DateTimeFormat('en', { timeZone: location.text });
  } catch {
    report('bad-value', location, `location: ${shown(location.text)} is no time zone`, {
      hint: 'write a name such as Europe/Berlin, UTC or Local',
    });
  }
}
