import type { LogFields, LogLevel, Logger } from './logger.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly msg: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, of every level, for the test to look at. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[] = [];
  readonly atEnd = new Set<() => void>();

  debug(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', event, msg, fields });
  }

  info(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', event, msg, fields });
  }

  warn(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', event, msg, fields });
  }

  error(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', event, msg, fields });
  }

  enables(): boolean {
    return true;
  }

  /** The events so far, in order. */
  get events(): readonly string[] {
    return this.lines.map(({ event }) => event);
  }

  /** The lines of one event, in order. */
  linesOf(event: string): readonly RecordedLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  /** The fields of each line of one event. */
  fieldsOf(event: string): readonly LogFields[] {
    return this.linesOf(event).map(({ fields }) => fields);
  }

  /** Some fields of each line of one event, in the order of their names: to compare all lines at once. */
  valuesOf(event: string, ...names: readonly string[]): readonly (readonly unknown[])[] {
    return this.fieldsOf(event).map((fields) => names.map((name) => fields[name]));
  }

  clear(): void {
    this.lines.length = 0;
  }
}
