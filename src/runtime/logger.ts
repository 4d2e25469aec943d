import winston from 'winston';
import type { Clock } from './clock.ts';
import { maskUrls } from './masked-url.ts';
import { LogOutput, maxUnreadBytes } from './log-output.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'logfmt';
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line per call: a stable event name, a constant message, and everything that varies as fields. */
export interface Logger {
  debug(event: string, msg: string, fields?: LogFields): void;
  info(event: string, msg: string, fields?: LogFields): void;
  warn(event: string, msg: string, fields?: LogFields): void;
  error(event: string, msg: string, fields?: LogFields): void;
  /** True if a line of this level would be written, or kept because of its event. Ask it before computing expensive fields. */
  enables(level: LogLevel, event?: string): boolean;
  /** Each writes a line that would come later; the app calls them when it ends. See {@link LimitedLines}. */
  readonly atEnd: Set<() => void>;
  /** The same logger, which also passes each line to a keeper; default: {@link keepingLogger}. */
  keptBy?(keeper: LineKeeper): Logger;
}

/** A second place for lines, independent of the level of the log. */
export interface LineKeeper {
  /** True if one more line of this event is kept although the log's level leaves it out. */
  wants(event: string): boolean;
  /**
   * Accepts a line; returns at once and never throws.
   * @param json the line as it was written, without its {@link DebugField}s; undefined if it was not written, or not as JSON
   */
  keep(level: LogLevel, event: string, msg: string, fields: LogFields, json?: string): void;
}

/**
 * A field of detail: the log has it only at level debug, a {@link LineKeeper} always. It is computed when the line is written,
 * perhaps after the caller has gone on, so its inputs must not change.
 */
export class DebugField {
  readonly make: () => unknown;

  constructor(make: () => unknown) {
    this.make = make;
  }

  /** JSON leaves it out. */
  toJSON(): undefined {
    return undefined;
  }
}

/** Computes the fields that are computed when the line is written. */
export function withDebugFields(fields: LogFields): LogFields {
  // Copied first, then replaced: assigning a field named `__proto__` would lose it.
  const made: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(fields)) if (value instanceof DebugField) made[name] = value.make();
  return made;
}

/** A logger that also passes each line to a keeper. */
export function keepingLogger(logger: Logger, keeper: LineKeeper): Logger {
  if (logger.keptBy !== undefined) return logger.keptBy(keeper);
  return {
    ...loggerOf((level, event, msg, fields) => {
      keeper.keep(level, event, msg, fields);
      logger[level](event, msg, fields);
    }),
    enables: (level, event) => logger.enables(level) || (event !== undefined && keeper.wants(event)),
  };
}

/** A logger whose lines all have these fields, before their own. */
export function taggedLogger(logger: Logger, tag: LogFields): Logger {
  const keptBy = logger.keptBy?.bind(logger);
  return {
    ...loggerOf((level, event, msg, fields) => {
      logger[level](event, msg, { ...tag, ...fields });
      return undefined;
    }),
    enables: (level, event) => logger.enables(level, event),
    ...(keptBy !== undefined && { keptBy: (keeper) => taggedLogger(keptBy(keeper), tag) }),
  };
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  readonly stream: NodeJS.WritableStream;
  /** Schedules the write of collected lines, see {@link LogOutput}. Default: every line at once. */
  readonly defer?: (write: () => void) => void;
}

/** A logger that may hold lines back. */
export interface DeferringLogger extends Logger {
  /** Writes the lines that are held back; call it when the process ends. */
  flush(): void;
  /** The number of lines dropped because nobody read the log. */
  readonly droppedLines: number;
}

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

interface LogRecord {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Makes a logger on winston. Every line has `time` (RFC 3339, milliseconds, UTC), `level`, `event`, `msg` and its fields. */
export function createLogger({ level, format, clock, stream, defer }: LoggerOptions): DeferringLogger {
  const render = format === 'json' ? toJson : renderLogfmt;
  // Winston gets complete lines, one or more at a time.
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((info) => String(info.message)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  // The level never changes. Winston would go through its transports on every question, and a storm of alerts asks many.
  const enabled = new Set(logLevels.filter((lineLevel) => logger.isLevelEnabled(lineLevel)));
  const output = new LogOutput({
    stream,
    defer,
    write: (lines) => logger.log({ level: 'error', message: lines }),
    onReadAgain: (lines) =>
      write('warn', 'log.dropped', 'nobody read the log: lines were dropped', {
        lines,
        max_unread_bytes: maxUnreadBytes,
      }),
  });
  const timeOf = timeWriter();
  const write = (lineLevel: LogLevel, event: string, msg: string, fields: LogFields): string | undefined => {
    if (!enabled.has(lineLevel)) return undefined;
    const time = timeOf(clock.now());
    const line = render({ time, level: lineLevel, event, msg, ...fields });
    output.add(line, lineLevel === 'error');
    return format === 'json' ? line : undefined;
  };
  const detailed = enabled.has('debug');
  return {
    ...loggerOf((lineLevel, event, msg, fields) => {
      write(lineLevel, event, msg, detailed ? withDebugFields(fields) : fields);
    }),
    flush: () => output.flush(),
    get droppedLines() {
      return output.droppedLines;
    },
    enables: (lineLevel) => enabled.has(lineLevel),
    keptBy: (keeper) => keptLogger(keeper, enabled, write),
  };
}

/** Passes each line to the keeper, as it is written. */
function keptLogger(keeper: LineKeeper, enabled: ReadonlySet<LogLevel>, write: Write): Logger {
  const detailed = enabled.has('debug');
  return {
    ...loggerOf((level, event, msg, fields) => {
      const shown = detailed ? withDebugFields(fields) : fields;
      keeper.keep(level, event, msg, shown, write(level, event, msg, shown));
    }),
    enables: (level, event) => enabled.has(level) || (event !== undefined && keeper.wants(event)),
  };
}

/** Returns the written line, if it is JSON. */
type Write = (level: LogLevel, event: string, msg: string, fields: LogFields) => string | undefined;

function loggerOf(write: (...line: Parameters<Write>) => void): Pick<Logger, LogLevel | 'atEnd'> {
  return {
    atEnd: new Set(),
    debug: (event, msg, fields = {}) => write('debug', event, msg, fields),
    info: (event, msg, fields = {}) => write('info', event, msg, fields),
    warn: (event, msg, fields = {}) => write('warn', event, msg, fields),
    error: (event, msg, fields = {}) => write('error', event, msg, fields),
  };
}

/**
 * Writes a time as RFC 3339, and reuses the text within a millisecond: under load many lines share one, and a date costs a third
 * of a line.
 */
export function timeWriter(): (at: number) => string {
  let last = { at: Number.NaN, text: '' };
  return (at) => {
    if (at !== last.at) last = { at, text: new Date(at).toISOString() };
    return last.text;
  };
}

/** `key=value` pairs in one line; a nested object becomes `key.inner=value`, a list of words is joined by commas. */
function renderLogfmt(record: LogRecord): string {
  const pairs: string[] = [];
  const add = (key: string, value: unknown): void => {
    if (value === undefined || value instanceof DebugField) return;
    if (isPlainObject(value)) for (const [inner, nested] of Object.entries(value)) add(`${key}.${inner}`, nested);
    else pairs.push(`${logfmtKey(key)}=${logfmtValue(value)}`);
  };
  for (const [key, value] of Object.entries(record)) add(key, value);
  return pairs.join(' ');
}

/** A label set in a list, in readable form: `{alertname=InstanceDown,job=app}`. */
function braced(labels: Record<string, unknown>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${logfmtText(value)}`);
  return `{${pairs.join(',')}}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Error);
}

function logfmtKey(key: string): string {
  return /^[\w.-]+$/.test(key) ? key : key.replaceAll(/[^\p{L}\p{N}_.-]/gu, '_');
}

function logfmtValue(value: unknown): string {
  const text = logfmtText(value);
  return /^[\w.:/@+,-]+$/.test(text) ? text : toJson(text);
}

function logfmtText(value: unknown): string {
  if (value instanceof Error) return maskUrls(value.message);
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return toJson(value);
  if (value.every(isPlainObject)) return value.map(braced).join(' ');
  const words = value.every((item) => typeof item === 'string');
  return words ? value.join(value.some((item) => /\s/.test(item)) ? ', ' : ',') : toJson(value);
}

/** True if the value cannot contain an error. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  for (const key in value) {
    const member = (value as LogFields)[key];
    if (typeof member === 'object' && !(member instanceof DebugField)) return false;
  }
  return !(value instanceof Error);
}

function messageOfError(_: string, value: unknown): unknown {
  return value instanceof Error ? maskUrls(value.message) : value;
}

/**
 * The characters that {@link toJson} escapes: DEL, the C1 controls, both Unicode line separators, and every invisible format
 * character.
 */
const unsafe = /[\u007f-\u009f\u2028\u2029]|\p{Cf}/gu;

/**
 * JSON without characters that break the line, steer the terminal, reverse the direction of text or are invisible: a label must
 * not forge what a reader sees.
 */
function toJson(value: unknown): string {
  // A replacer makes V8 take twice as long, and most lines are flat. A function has no JSON.
  const json: string = JSON.stringify(value, isFlat(value) ? undefined : messageOfError) ?? 'null';
  return escapeUnsafe(json);
}

/** The same for existing JSON. */
export function escapeUnsafe(json: string): string {
  return /[^ -~]/.test(json) ? json.replaceAll(unsafe, escaped) : json;
}

/** Escapes both halves of a character beyond the first 65,536, as JSON does. */
function escaped(character: string): string {
  const halves = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return halves.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');
}
