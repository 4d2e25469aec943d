import { maskUrls } from '../runtime/masked-url.ts';
import { DebugField, escapeUnsafe, type LogFields, type LogLevel } from '../runtime/logger.ts';

/** A line of the log as it was written. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly msg: string;
  readonly fields: LogFields;
  /** The line as the log wrote it, without its {@link DebugField}s, if it wrote JSON. */
  readonly json?: string | undefined;
}

/** A line of the log as it is kept and read back, with its place in the history. */
export interface Fact {
  /** Rises from fact to fact, even across restarts. */
  readonly id: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A longer fact keeps only its short fields, bytes. The alerts of one event with the largest labels come to 800 KiB. */
export const maxFactBytes = 256 * 1024;

/** The longest JSON of a field that a too long fact keeps, characters. */
const maxShortField = 1024;

const levels: ReadonlySet<unknown> = new Set<LogLevel>(['debug', 'info', 'warn', 'error']);

/**
 * The fact as JSON on one line, without the line end.
 * @param time the time of the entry as text: many lines share one, and a date costs a third of a line
 */
export function factLine(id: number, entry: Entry, time = new Date(entry.time).toISOString()): string {
  if (entry.json !== undefined) {
    const rest = restOf(entry.json, entry.fields);
    if (rest.length <= maxFactBytes / 3) return `{"id":${id},${rest}`;
  }
  const fact = factOf(id, entry, time);
  const line = escapeUnsafe(JSON.stringify(fact));
  if (line.length <= maxFactBytes / 3 || Buffer.byteLength(line) <= maxFactBytes) return line;
  return escapeUnsafe(JSON.stringify(shortened(fact)));
}

/** Errors occur only as fields. A replacer would find them at any depth, but at three times the cost. */
function factOf(id: number, { level, event, msg, fields }: Entry, time: string): Record<string, unknown> {
  const fact: Record<string, unknown> = { id, time, level, event, msg };
  for (const name in fields) {
    const value = fields[name];
    if (value instanceof Error) fact[name] = maskUrls(value.message);
    else fact[name] = value instanceof DebugField ? value.make() : value;
  }
  return fact;
}

/** A written line without its opening brace, and with the fields that are only for debug. To join texts copies nothing yet. */
function restOf(json: string, fields: LogFields): string {
  let rest = json.slice(1);
  for (const name in fields) {
    const value = fields[name];
    if (!(value instanceof DebugField)) continue;
    const made = JSON.stringify(value.make());
    if (made !== undefined) rest = `${rest.slice(0, -1)},${JSON.stringify(name)}:${escapeUnsafe(made)}}`;
  }
  return rest;
}

/** Reads a line back; undefined if it is incomplete. */
export function parseFact(line: string): Fact | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isFact(value) ? value : undefined;
}

function isFact(value: unknown): value is Fact {
  if (typeof value !== 'object' || value === null) return false;
  const { id, time, level, event, msg } = value as Record<string, unknown>;
  const isPlaced = Number.isSafeInteger(id) && (id as number) >= 0;
  const isTimed = typeof time === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time);
  return isPlaced && isTimed && levels.has(level) && typeof event === 'string' && typeof msg === 'string';
}

function shortened(fact: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const short = Object.entries(fact).filter(([, value]) => (JSON.stringify(value) ?? '').length <= maxShortField);
  const leftOut = Object.keys(fact).filter((name) => !short.some(([kept]) => kept === name));
  return { ...Object.fromEntries(short), left_out: leftOut };
}
