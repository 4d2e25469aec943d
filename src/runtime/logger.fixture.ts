import { Writable } from 'node:stream';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createLogger, type Logger, type LoggerOptions } from './logger.ts';

/** A line of the JSON log, read back. */
export interface RecordedLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface RecordedLog {
  readonly logger: Logger;
  /** What was written, one entry for each write to the stream. */
  readonly chunks: readonly string[];
  /** The lines of a JSON log; those of one event, if one is named. */
  lines(event?: string): readonly RecordedLine[];
}

/** The real logger, with its output in memory. */
export function recordLog(options: Partial<Omit<LoggerOptions, 'stream'>> = {}): RecordedLog {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  const logger = createLogger({ level: 'debug', format: 'json', clock: new FakeClock(), ...options, stream });
  const lines = (event?: string): readonly RecordedLine[] => {
    const all = chunks.map((chunk) => JSON.parse(chunk) as RecordedLine);
    return event === undefined ? all : all.filter((line) => line.event === event);
  };
  return { logger, chunks, lines };
}
