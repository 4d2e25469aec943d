import { setImmediate } from 'node:timers/promises';
import type { CancelTimer } from '../runtime/clock.ts';
import type { LineKeeper, LogFields, LogLevel } from '../runtime/logger.ts';
import { Slices } from '../runtime/slices.ts';
import { entryOf, factLine, type Entry, type Fact } from './fact.ts';
import { FactRing, type Chunk } from './fact-ring.ts';
import { HistoryReport } from './history-report.ts';
import { LookFilter, type LastLook } from './look-filter.ts';
import { loadFacts, newestId } from './load-facts.ts';
import { Budget, nameRate, requestRate, WaitingLines } from './budget.ts';
import { readFacts, type FactQuery } from './read-facts.ts';
import { Segments } from './segments.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** `history` of the configuration. */
export interface HistoryConfig {
  /** Milliseconds; with 0, nothing is kept. */
  readonly retention: number;
  /** The bound of the memory, and of the disk, bytes. */
  readonly max_size: number;
  /** Bodies. */
  readonly payloads: number;
}

/**
 * The longest time until a line is written, milliseconds. It is written sooner while somebody follows the history, or when there
 * are many lines.
 */
const writeMs = 1000;
const followedWriteMs = 100;

/** The time from a failed write to the next try, milliseconds. */
const storageRetryMs = 60_000;

/** Events that the log writes only at debug, and that are kept all the same. */
const debugEvents: ReadonlySet<string> = new Set([
  'alert.new',
  'alert.resolved',
  'alert.expired',
  'alerts.suppressed',
  'causes.named',
  'condition.unchanged',
  'reconcile.started',
  'reconcile.finished',
  'reconcile.failed',
  'silence.scheduled',
  'silence.started',
  'silence.changed',
  'silence.ended',
  'silence.cancelled',
]);

export interface HistoryOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => HistoryConfig;
  /** `history/` in `--storage.path`. */
  readonly folder: string;
}

/** Keeps the lines of the log for later questions: in memory, and as JSON lines on the disk. */
export class History implements LineKeeper {
  readonly #options: HistoryOptions;
  readonly #ring: FactRing;
  readonly #filter = new LookFilter();
  readonly #segments: Segments;
  readonly #report: HistoryReport;
  readonly #names: Budget;
  readonly #requests: Budget;
  readonly #followers = new Set<() => void>();
  readonly #waiting = new WaitingLines();
  #isWritingSoon = false;
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #loading: Promise<void> = Promise.resolve();
  #lastId = 0;
  /** The earliest time for the next write, by the monotonic clock. */
  #storageRetryAt = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#ring = new FactRing(options.config().max_size);
    this.#segments = new Segments(options);
    this.#names = new Budget(options.clock, nameRate);
    this.#requests = new Budget(options.clock, requestRate);
    this.#report = new HistoryReport({
      ...options,
      memoryBytes: () => this.#ring.bytes,
      diskBytes: () => this.#segments.bytes,
      leftOut: () => this.#filter.leftOut,
    });
  }

  get isOn(): boolean {
    return this.#options.config().retention > 0;
  }

  /**
   * True if a line is kept that the log would leave out. The number of lines about single alerts is limited per second, and each
   * true answer uses up one.
   */
  wants(event: string): boolean {
    if (!this.isOn || !debugEvents.has(event)) return false;
    return !event.startsWith('alert.') || this.#names.take();
  }

  keep(level: LogLevel, event: string, msg: string, fields: LogFields, json?: string): void {
    if (!this.isOn || (level === 'debug' && !debugEvents.has(event))) return;
    const isOverRate = event === 'alerts.received' && !this.#requests.take();
    if (isOverRate) return this.#report.lost();
    const time = this.#options.clock.now();
    if (!this.#waiting.add(entryOf({ time, level, event, msg, fields }, json))) return this.#report.lost();
    if (this.#waiting.count === 1) this.#setTimer(this.#followers.size > 0 ? followedWriteMs : writeMs);
    if (this.#isWritingSoon || !this.#waiting.areMany) return;
    this.#isWritingSoon = true;
    void this.flush();
  }

  /** Finds where the last process ended; what that left is read later, while Tocsin works. Never rejects. */
  async open(): Promise<void> {
    this.#isOpen = true;
    const { clock } = this.#options;
    await this.#segments.find().catch((error: unknown) => this.#report.unreadable(this.#options.folder, error));
    this.#lastId = Math.max(this.#lastId, await newestId(this.#segments, this.#options.config().max_size));
    // After the storage was removed, old ids must not name new facts.
    this.#lastId = Math.max(this.#lastId, Math.floor(clock.now()) * 1000);
    if (this.isOn) this.#loading = this.#load();
    if (this.#waiting.count > 0) this.#setTimer(writeMs);
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    const { max_size: maxBytes, retention: retentionMs } = this.#options.config();
    this.#report.forgotten(this.#ring.resize(this.isOn ? maxBytes : 0), retentionMs);
    if (!this.isOn) this.#waiting.clear();
  }

  /** Writes the waiting lines. Never rejects. */
  flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes the last lines and leaves no timer behind. */
  async close(): Promise<void> {
    await this.#loading;
    for (const entry of this.#filter.flush()) this.#waiting.addLast(entry);
    await this.flush();
    this.#isOpen = false;
    this.#cancelTimer?.();
    this.#report.close();
    await this.#segments.close();
  }

  /** The result of the last run of a pipeline, even if that was nothing new and was not kept. */
  lastLook(pipeline: string): LastLook | undefined {
    return this.#filter.lastLook(pipeline);
  }

  /** The ids of the oldest and the newest fact; undefined if there is none. */
  get range(): { readonly firstId: number; readonly lastId: number } | undefined {
    const { firstId, lastId } = this.#ring;
    return firstId === undefined || lastId === undefined ? undefined : { firstId, lastId };
  }

  /** The id of the oldest fact, once all that is on the disk has been read. */
  async oldestId(): Promise<number | undefined> {
    await this.#loading;
    return this.#ring.firstId;
  }

  /** The id of the newest fact; without facts, the number that the next id will exceed. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Calls `onFacts` when there are new facts. Returns a function that ends that. */
  follow(onFacts: () => void): () => void {
    this.#followers.add(onFacts);
    if (this.#waiting.count > 0) this.#setTimer(followedWriteMs);
    return () => void this.#followers.delete(onFacts);
  }

  /** The facts at this moment, the newest first, in slices. */
  newestFirst(query: FactQuery): AsyncGenerator<Fact> {
    return this.#facts(query, true);
  }

  /** The facts at this moment, the oldest first, in slices. */
  oldestFirst(query: FactQuery): AsyncGenerator<Fact> {
    return this.#facts(query, false);
  }

  async *#facts(query: FactQuery, newestFirst: boolean): AsyncGenerator<Fact> {
    await this.#loading;
    await this.flush();
    const oldest = this.#options.clock.now() - this.#options.config().retention;
    const slices = new Slices(this.#options.schedule, 'history');
    yield* readFacts(this.#ring.chunks, query, { newestFirst, oldest, slices });
  }

  #setTimer(delayMs: number): void {
    if (!this.#isOpen) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.flush(), delayMs);
  }

  async #write(): Promise<void> {
    this.#isWritingSoon = false;
    if (!this.#isOpen || this.#waiting.count === 0) return;
    const firstId = this.#lastId + 1;
    const pieces = await this.#append(this.#waiting.take());
    this.#waiting.areKept();
    this.#ring.forgetBefore(this.#options.clock.now() - this.#options.config().retention);
    for (const onFacts of this.#followers) onFacts();
    if (pieces.length > 0) await this.#store(pieces, firstId);
  }

  /** Adds lines to the ring, in slices; returns their places in it. */
  async #append(entries: readonly Entry[]): Promise<readonly Buffer[]> {
    const slices = new Slices(this.#options.schedule, 'history');
    const pieces: Piece[] = [];
    const before = this.#lastId;
    for (const entry of entries) {
      // Nearly all lines are about no run.
      if (entry.fields['run'] === undefined) this.#appendOne(entry, pieces, before + 1);
      else for (const kept of this.#filter.take(entry)) this.#appendOne(kept, pieces, before + 1);
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#report.kept(this.#lastId - before);
    return pieces.map(({ chunk, from, to }) => chunk.bytes.subarray(from, to));
  }

  #appendOne(entry: Entry, pieces: Piece[], unsaved: number): void {
    const id = ++this.#lastId;
    const gone = this.#ring.append(id, entry.time, factLine(id, entry), unsaved);
    if (gone.length > 0) this.#report.forgotten(gone, this.#options.config().retention);
    const chunk = this.#ring.chunks.at(-1)!;
    const last = pieces.at(-1);
    if (last?.chunk === chunk) last.to = chunk.used;
    else pieces.push({ chunk, from: lastLineStart(chunk), to: chunk.used });
  }

  async #store(pieces: readonly Buffer[], firstId: number): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now < this.#storageRetryAt) return;
    const { max_size: maxBytes, retention: retentionMs } = this.#options.config();
    try {
      await this.#segments.append(pieces, firstId, { maxBytes, retentionMs });
      this.#report.written();
    } catch (error) {
      this.#storageRetryAt = now + storageRetryMs;
      this.#report.notWritten(this.#options.folder, error);
    }
  }

  async #load(): Promise<void> {
    // The start has more urgent work.
    await setImmediate();
    const { clock, schedule, folder } = this.#options;
    const oldest = clock.now() - this.#options.config().retention;
    await loadFacts({
      segments: this.#segments,
      ring: this.#ring,
      maxBytes: this.#options.config().max_size,
      oldest,
      slices: new Slices(schedule, 'history'),
      onDamaged: (lines) => this.#report.damaged(folder, lines),
      onUnreadable: (path, error) => this.#report.unreadable(path, error),
    });
  }
}

interface Piece {
  readonly chunk: Chunk;
  readonly from: number;
  to: number;
}

function lastLineStart({ bytes, used }: Chunk): number {
  return bytes.subarray(0, used - 1).lastIndexOf(0x0a) + 1;
}
