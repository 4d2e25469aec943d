import type { SilenceMatcher } from './state.ts';

/** A silence that somebody is about to create. */
export interface SilenceDraft {
  readonly matchers: readonly SilenceMatcher[];
  readonly createdBy: string;
  readonly comment: string;
  /** How long it lasts, milliseconds. */
  readonly lastsMs: number;
}

/** From the labels of an alert: all of them, so that it silences this alert alone. */
export function matchersOfLabels(labels: Readonly<Record<string, string>>): readonly SilenceMatcher[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));
}

const operators = { '=': [false, true], '!=': [false, false], '=~': [true, true], '!~': [true, false] } as const;
type Operator = keyof typeof operators;

export function matcherText({ name, value, isRegex, isEqual = true }: SilenceMatcher): string {
  const operator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return `${name}${operator}${JSON.stringify(value)}`;
}

/** Reads one matcher a line, such as `severity="critical"`; the quotes may be left out. The problem of a wrong one is a text. */
export function readMatchers(text: string): readonly SilenceMatcher[] | string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return 'Name at least one label, such as alertname="InstanceDown".';
  const read = lines.map(readMatcher);
  const wrong = lines[read.indexOf(undefined)];
  if (wrong !== undefined)
    return `“${wrong.trim()}” is no matcher. Write one a line, such as severity="critical" or pod=~"web-.*".`;
  return read as readonly SilenceMatcher[];
}

function readMatcher(line: string): SilenceMatcher | undefined {
  const [, name, operator, value] = /^\s*([^\s"=!~{}]+)\s*(=~|!~|!=|=)\s*(.*?)\s*$/s.exec(line) ?? [];
  if (name === undefined || operator === undefined || value === undefined) return undefined;
  const text = unquoted(value);
  const [isRegex, isEqual] = operators[operator as Operator];
  return text === undefined ? undefined : { name, value: text, isRegex, isEqual };
}

function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value.endsWith('"') ? undefined : value;
  try {
    const read: unknown = JSON.parse(value);
    return typeof read === 'string' ? read : undefined;
  } catch {
    return undefined;
  }
}

/** What is still missing, as a sentence; undefined if it can be sent. */
export function draftProblem({ createdBy, comment, matchers }: SilenceDraft): string | undefined {
  if (createdBy.trim() === '') return 'Say who you are, so that others can ask you.';
  if (comment.trim() === '') return 'Say why, so that others know when it may end.';
  return matchers.every(({ value, isRegex, isEqual }) => matchesEmpty(value, isRegex, isEqual ?? true))
    ? 'At least one matcher must not match an empty value: this silence would match every alert.'
    : undefined;
}

function matchesEmpty(value: string, isRegex: boolean, isEqual: boolean): boolean {
  if (!isRegex) return (value === '') === isEqual;
  try {
    return new RegExp(`^(?:${value})$`, 's').test('') === isEqual;
  } catch {
    // The server says what is wrong with it.
    return false;
  }
}

/** The body of `POST /api/v2/silences`. */
export function silenceBody({ matchers, createdBy, comment, lastsMs }: SilenceDraft, now: number): object {
  const [startsAt, endsAt] = [new Date(now).toISOString(), new Date(now + lastsMs).toISOString()];
  return { matchers, startsAt, endsAt, createdBy: createdBy.trim(), comment: comment.trim() };
}
