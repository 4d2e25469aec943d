import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import { Counter, Gauge } from 'prom-client';
import type { Chunk } from './fact-ring.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** How long a loss is news, milliseconds. */
const latelyMs = 3_600_000;

export interface HistoryReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly memoryBytes: () => number;
  readonly diskBytes: () => number;
  /** The number of looks that were left out because they brought nothing new. */
  readonly leftOut: () => number;
}

type MetricsOptions = HistoryReportOptions & { readonly lost: () => number };

/** Reports on the history itself: to the log, once a minute at most, and to the metrics. */
export class HistoryReport {
  readonly #options: HistoryReportOptions;
  readonly #metrics: ReturnType<typeof createHistoryMetrics>;
  #untoldForgotten = 0;
  #untoldLost = 0;
  /** A plain number: in a storm this is counted for most requests. */
  #lost = 0;
  readonly #line: LineOnceAWhile;
  #isWritable = true;
  /** The facts that were lost or forgotten since the time, milliseconds. */
  #lostLately = { since: 0, facts: 0 };

  constructor(options: HistoryReportOptions) {
    this.#options = options;
    this.#metrics = createHistoryMetrics({ ...options, lost: () => this.#lost });
    this.#line = new LineOnceAWhile(options.clock);
  }

  /** Counted by the hour: those of the hour before do not count any more. */
  get lostLately(): number {
    return this.#options.clock.now() - this.#lostLately.since < latelyMs ? this.#lostLately.facts : 0;
  }

  kept(facts: number): void {
    this.#metrics.facts.inc(facts);
  }

  /** A line arrived while too many waited. */
  lost(): void {
    this.#lost++;
    this.#countLately(1);
    this.#untoldLost++;
    if (this.#isUntold && this.#line.allows()) this.#write();
  }

  /** Chunks were dropped because of the size. Lines that are too old anyway do not count. */
  forgotten(chunks: readonly Chunk[], retentionMs: number): void {
    if (chunks.length === 0) return;
    const oldest = this.#options.clock.now() - retentionMs;
    const lines = chunks.filter(({ lastTime }) => lastTime >= oldest).reduce((sum, chunk) => sum + chunk.lines, 0);
    this.#metrics.forgotten.inc(lines);
    this.#countLately(lines);
    this.#untoldForgotten += lines;
    if (this.#isUntold && this.#line.allows()) this.#write();
  }

  damaged(folder: string, lines: number): void {
    const message = 'lines of the history are damaged or were never written whole: they are skipped';
    this.#options.logger.warn('history.damaged', message, { folder, lines });
  }

  unreadable(path: string, error: unknown): void {
    this.#options.logger.warn('history.unreadable', 'a file of the history cannot be read: it is passed over', {
      file: path,
      error,
    });
  }

  written(): void {
    if (this.#isWritable) return;
    this.#isWritable = true;
    this.#options.logger.info('history.writable', 'the history is written to the storage again');
  }

  /** Logged once, until a write succeeds again. */
  notWritten(folder: string, error: unknown): void {
    this.#metrics.failures.inc();
    if (!this.#isWritable) return;
    this.#isWritable = false;
    const message = 'the history cannot be written: it is kept in memory alone, and a restart loses it';
    this.#options.logger.warn('history.not_writable', message, { folder, error });
  }

  /** At the end: logs what is still pending. */
  close(): void {
    if (this.#isUntold) this.#write();
  }

  #countLately(facts: number): void {
    const now = this.#options.clock.now();
    if (now - this.#lostLately.since >= latelyMs) this.#lostLately = { since: now, facts: 0 };
    this.#lostLately.facts += facts;
  }

  get #isUntold(): boolean {
    return this.#untoldForgotten + this.#untoldLost > 0;
  }

  #write(): void {
    const [forgotten, lost] = [this.#untoldForgotten, this.#untoldLost];
    this.#untoldForgotten = 0;
    this.#untoldLost = 0;
    const message =
      forgotten === 0
        ? 'lines came faster than the history keeps them'
        : 'the history has forgotten facts before their time, to make room: raise history.max_size';
    this.#options.logger.info('history.forgotten', message, { facts: forgotten, lost, limit: 'history.max_size' });
  }
}

function createHistoryMetrics({ registry, memoryBytes, diskBytes, leftOut, lost }: MetricsOptions): {
  readonly facts: Counter;
  readonly forgotten: Counter;
  readonly failures: Counter;
} {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_history_size_bytes',
    help: 'What the history takes, in memory and on the disk.',
    labelNames: ['where'],
    collect() {
      this.set({ where: 'memory' }, memoryBytes());
      this.set({ where: 'disk' }, diskBytes());
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_history_looks_left_out',
    help: 'Periodic looks and retries since the start that told nothing new and are not kept.',
    collect() {
      this.set(leftOut());
    },
  });
  new Counter({
    registers,
    name: 'tocsin_history_lost_total',
    help: 'Lines of the log that were never kept, because they came too fast.',
    collect() {
      this.reset();
      this.inc(lost());
    },
  });
  return {
    facts: new Counter({ registers, name: 'tocsin_history_facts_total', help: 'Facts that the history has kept.' }),
    forgotten: new Counter({
      registers,
      name: 'tocsin_history_forgotten_total',
      help: 'Facts that were forgotten before their time, because of history.max_size.',
    }),
    failures: new Counter({
      registers,
      name: 'tocsin_history_write_failures_total',
      help: 'Writes of the history to the storage that failed.',
    }),
  };
}
