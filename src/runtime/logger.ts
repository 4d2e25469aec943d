import winston from 'winston';
import type { Clock } from './clock.ts';
import { maskUrls } from './masked-url.ts';
import { LogOutput, maxUnreadBytes } from './log-output.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'logfmt';
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line per call: a stable event name, a constant message, and whatever varies as fields. */
export interface Logger {
  debug(event: string, msg: string, fields?: LogFields): void;
  info(event: string, msg: string, fields?: LogFields): void;
  warn(event: string, msg: string, fields?: LogFields): void;
  error(event: string, msg: string, fields?: LogFields): void;
  /**
   * True if a line of this level would be written, or kept because of its event: for fields that are costly to compute.
   */
  enables(level: LogLevel, event?: string): boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  readonly stream: NodeJS.WritableStream;
  /** When to write what has been gathered, see {@link LogOutput}. Default: every line at once. */
  readonly defer?: (write: () => void) => void;
}

/** A logger that may hold lines back. */
export interface DeferringLogger extends Logger {
  /** Writes what is held back; to be called when the process ends. */
  flush(): void;
  /** How many lines were dropped because nobody read the log. */
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
  // What winston is given is lines already, one or more.
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((info) => String(info.message)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  // The level stays what it is; winston would go through its transports at every question, which a storm of alerts asks.
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
  const write = (lineLevel: LogLevel, event: string, msg: string, fields: LogFields = {}): void => {
    if (!enabled.has(lineLevel)) return;
    const time = timeOf(clock.now());
    output.add(render({ time, level: lineLevel, event, msg, ...fields }), lineLevel === 'error');
  };
  return {
    debug: write.bind(undefined, 'debug'),
    info: write.bind(undefined, 'info'),
    warn: write.bind(undefined, 'warn'),
    error: write.bind(undefined, 'error'),
    flush: () => output.flush(),
    get droppedLines() {
      return output.droppedLines;
    },
    enables: (lineLevel) => enabled.has(lineLevel),
  };
}

/** Writes a time as RFC 3339. Under load many lines are of one millisecond, and a date costs a third of a line. */
function timeWriter(): (at: number) => string {
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
    if (value === undefined) return;
    if (isPlainObject(value)) for (const [inner, nested] of Object.entries(value)) add(`${key}.${inner}`, nested);
    else pairs.push(`${logfmtKey(key)}=${logfmtValue(value)}`);
  };
  for (const [key, value] of Object.entries(record)) add(key, value);
  return pairs.join(' ');
}

/** A label set in a list, for people: `{alertname=InstanceDown,job=app}`. */
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

/** True if no error can stand in it. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  for (const key in value) if (typeof (value as LogFields)[key] === 'object') return false;
  return !(value instanceof Error);
}

function messageOfError(_: string, value: unknown): unknown {
  return value instanceof Error ? maskUrls(value.message) : value;
}

/** What {@link toJson} escapes: DEL, the C1 controls, both Unicode line separators, and every invisible format character. */
const unsafe = /[\u007f-\u009f\u2028\u2029]|\p{Cf}/gu;

/**
 * JSON without a character that breaks the line, steers the terminal, turns the direction of text or hides in it: a label must
 * not forge what a reader sees.
 */
function toJson(value: unknown): string {
  // With a replacer V8 takes twice as long, and most lines are flat. A function has no JSON.
  const json: string = JSON.stringify(value, isFlat(value) ? undefined : messageOfError) ?? 'null';
  return /[^ -~]/.test(json) ? json.replaceAll(unsafe, escaped) : json;
}

/** Both halves of a character beyond the first 65,536, as JSON has it. */
function escaped(character: string): string {
  const halves = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return halves.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');
}
