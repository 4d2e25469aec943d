import { Counter, Gauge } from 'prom-client';
import { LimitedLines, LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { apiObjectBytes } from '../kept-object.ts';
import type { LeftOutReason } from '../watch/list-objects.ts';
import type { SilenceObject } from './silence-object.ts';

/** The most lines per second about objects that are no silences; further lines are at debug, and counted. */
const invalidLinesPerSecond = 10;

const operations = ['create', 'change', 'delete', 'status', 'event'] as const;
export type SilenceOperation = (typeof operations)[number];
const results = ['done', 'outdated', 'failed'] as const;

/** Why an object that is left out is no silence, for its status. */
export const leftOutProblems: Readonly<Record<LeftOutReason, string>> = {
  object_too_large: `it takes more than the ${apiObjectBytes / 1024} KiB of memory that one may: make its texts shorter`,
  memory_full: 'all of them together take more memory than they may: delete some that have ended',
};

/** The same for the log. */
export const leftOutMessages = {
  object_too_large:
    'a Silence is left out, as if it were not there: it takes more memory than one may; make it shorter',
  memory_full:
    'a Silence is left out, as if it were not there: all of them together take more memory than they may; delete some that have ended',
};

interface SilenceObjectReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** The number of objects that are no silences, read at each scrape. */
  readonly invalid: () => number;
}

/** Tells in the log and in metrics about silences that are objects of the cluster. */
export class SilenceObjectReport {
  readonly #options: SilenceObjectReportOptions;
  readonly #invalidLines: LimitedLines;
  readonly #failures: LineOnceAWhile;
  readonly #writes: Counter<'operation' | 'result'>;

  constructor(options: SilenceObjectReportOptions) {
    const { clock, logger, registry, invalid } = options;
    this.#options = options;
    const onOverflow = (fields: LogFields): void =>
      logger.warn('silence.invalid_limited', 'more objects are no silences than are written out', fields);
    this.#invalidLines = new LimitedLines({ clock, logger, perSecond: () => invalidLinesPerSecond, onOverflow });
    this.#failures = new LineOnceAWhile(clock);
    this.#writes = new Counter({
      registers: [registry],
      name: 'tocsin_silence_object_writes_total',
      help: 'Writes of Silence objects, by operation and result; outdated: decided again, since somebody else had changed it.',
      labelNames: ['operation', 'result'],
    });
    for (const operation of operations) for (const result of results) this.#writes.inc({ operation, result }, 0);
    new Gauge({
      registers: [registry],
      name: 'tocsin_silence_objects_invalid',
      help: 'Silence objects that silence nothing until they are mended; their status says why.',
      collect() {
        this.set(invalid());
      },
    });
  }

  wrote(operation: SilenceOperation, result: (typeof results)[number]): void {
    this.#writes.inc({ operation, result });
  }

  invalid({ namespace, name, generation }: SilenceObject, problem: string): void {
    const level = this.#invalidLines.allows() ? 'warn' : 'debug';
    const message = 'a Silence silences nothing until it is mended';
    this.#options.logger[level]('silence.invalid', message, { namespace, name, generation, problem });
  }

  /** A request has failed, and what it had made could not be deleted. */
  leftOver({ namespace, name }: SilenceObject, error: unknown): void {
    const message =
      'a silence was made for a request that failed, and could not be deleted: it is in force until somebody does';
    this.#options.logger.error('silence.left_over', message, { namespace, silence: name, error });
  }

  /** Silences that have ended are deleted early. */
  madeRoom(silences: number): void {
    const message =
      'silences that ended are deleted before receiver.silence_retention, because all objects take too much memory';
    this.#options.logger.info('silences.made_room', message, { silences });
  }

  /** The leader could not write a status or delete a silence whose time is over. It tries again. */
  upkeepFailed(operation: SilenceOperation, { namespace, name }: SilenceObject, error: unknown): void {
    this.wrote(operation, 'failed');
    const level = this.#failures.allows() ? 'warn' : 'debug';
    const message =
      operation === 'status'
        ? 'the status of a Silence could not be written; what it silences is not concerned'
        : 'a Silence that ended long ago could not be deleted';
    this.#options.logger[level]('silence.upkeep_failed', message, { operation, namespace, name, error });
  }
}
