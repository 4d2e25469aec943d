import winston from 'winston';
import type { Clock } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'logfmt';
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line per call: a stable event name, a constant message, and whatever varies as fields. */
export interface Logger {
  debug(event: string, msg: string, fields?: LogFields): void;
  info(event: string, msg: string, fields?: LogFields): void;
  warn(event: string, msg: string, fields?: LogFields): void;
  error(event: string, msg: string, fields?: LogFields): void;
  /** True if a line of this level would be written: for fields that are costly to compute. */
  enables(level: LogLevel): boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  readonly stream: NodeJS.WritableStream;
}

interface LogRecord {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Makes a logger on winston. Every line has `time` (RFC 3339, milliseconds, UTC), `level`, `event`, `msg` and its fields. */
export function createLogger({ level, format, clock, stream }: LoggerOptions): Logger {
  const render = format === 'json' ? toJson : renderLogfmt;
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((info) => render(info['record'] as LogRecord)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  const write = (lineLevel: LogLevel, event: string, msg: string, fields: LogFields = {}): void => {
    if (!logger.isLevelEnabled(lineLevel)) return;
    const time = new Date(clock.now()).toISOString();
    logger.log({ level: lineLevel, message: msg, record: { time, level: lineLevel, event, msg, ...fields } });
  };
  return {
    debug: write.bind(undefined, 'debug'),
    info: write.bind(undefined, 'info'),
    warn: write.bind(undefined, 'warn'),
    error: write.bind(undefined, 'error'),
    enables: (lineLevel) => logger.isLevelEnabled(lineLevel),
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
  if (value instanceof Error) return value.message;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return toJson(value);
  if (value.every(isPlainObject)) return value.map(braced).join(' ');
  const words = value.every((item) => typeof item === 'string');
  return words ? value.join(value.some((item) => /\s/.test(item)) ? ', ' : ',') : toJson(value);
}

function messageOfError(_: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

/**
 * JSON, in which besides every other control character and line separator is escaped, and what turns the direction of
 * text: a label must neither break the line nor steer the reader's terminal.
 */
function toJson(value: unknown): string {
  // A function has no JSON.
  const json: string | undefined = JSON.stringify(value, messageOfError);
  return (json ?? 'null').replaceAll(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
