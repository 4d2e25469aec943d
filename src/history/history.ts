import { setImmediate } from 'node:timers/promises';
import type { CancelTimer } from '../runtime/clock.ts';
import type { LineKeeper, LogFields, LogLevel } from '../runtime/logger.ts';
import { Slices } from '../runtime/slices.ts';
import { entryOf, factLine, parseFact, type Entry, type Fact } from './fact.ts';
import { FactRing, linesWith, type Chunk } from './fact-ring.ts';
import { HistoryReport } from './history-report.ts';
import { LookFilter, type LastLook } from './look-filter.ts';
import { loadFacts, newestId } from './load-facts.ts';
import { NameBudget } from './name-budget.ts';
import { Segments } from './segments.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** `history` of the configuration. */
export interface HistoryConfig {
  /** Milliseconds; 0: nothing is kept. */
  readonly retention: number;
  /** Of memory, and of the disk, bytes. */
  readonly max_size: number;
  /** Bodies. */
  readonly payloads: number;
}

/** What was told is written at the latest after so long, milliseconds; sooner while somebody follows it, or when there is much. */
const writeMs = 1000;
const followedWriteMs = 100;
const soonEntries = 5000;

/** So many lines wait at most; further ones are lost, and counted. */
const maxWaiting = 50_000;

/** After the storage could not be written, the next try is made after this, milliseconds. */
const storageRetryMs = 60_000;

/** Lines that the log tells at debug, and that are kept all the same. */
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
  /** The configuration that holds when it is called. */
  readonly config: () => HistoryConfig;
  /** `history/` in `--storage.path`. */
  readonly folder: string;
}

/** Which facts are asked for; what is left out asks for all. */
export interface FactQuery {
  /** Texts that all have to be in the line, as JSON: a quick look, after which the caller looks closer. */
  readonly needles?: readonly string[];
  /** Another quick look, at the whole line. */
  readonly accepts?: (line: string) => boolean;
  /** Only facts with a lower id. */
  readonly before?: number | undefined;
  /** Only facts with a higher id. */
  readonly after?: number | undefined;
}

/** What the log says, kept for those who ask later: in memory, and as JSON lines on the disk. */
export class History implements LineKeeper {
  readonly #options: HistoryOptions;
  readonly #ring: FactRing;
  readonly #filter = new LookFilter();
  readonly #segments: Segments;
  readonly #report: HistoryReport;
  readonly #names: NameBudget;
  readonly #followers = new Set<() => void>();
  #waiting: Entry[] = [];
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #loading: Promise<void> = Promise.resolve();
  #lastId = 0;
  /** No write is tried before, by the monotonic clock. */
  #storageRetryAt = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#ring = new FactRing(options.config().max_size);
    this.#segments = new Segments(options);
    this.#names = new NameBudget(options.clock);
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

  /** True if a line is kept that the log would leave out. Of single alerts so many a second; the answer uses one of them up. */
  wants(event: string): boolean {
    if (!this.isOn || !debugEvents.has(event)) return false;
    return !event.startsWith('alert.') || this.#names.take();
  }

  keep(level: LogLevel, event: string, msg: string, fields: LogFields, json?: string): void {
    if (!this.isOn || (level === 'debug' && !debugEvents.has(event))) return;
    if (this.#waiting.length >= maxWaiting) return this.#report.lost();
    const time = this.#options.clock.now();
    const count = this.#waiting.push(entryOf({ time, level, event, msg, fields }, json));
    if (count === soonEntries) void this.flush();
    else if (count === 1) this.#setTimer(this.#followers.size > 0 ? followedWriteMs : writeMs);
  }

  /** Finds where the last process ended; what it left is read while Tocsin works already. Never rejects. */
  async open(): Promise<void> {
    this.#isOpen = true;
    const { clock } = this.#options;
    await this.#segments.find().catch((error: unknown) => this.#report.unreadable(this.#options.folder, error));
    this.#lastId = Math.max(this.#lastId, await newestId(this.#segments, this.#options.config().max_size));
    // Facts of a storage that was removed must not be taken for those that come now.
    this.#lastId = Math.max(this.#lastId, Math.floor(clock.now()) * 1000);
    if (this.isOn) this.#loading = this.#load();
    if (this.#waiting.length > 0) this.#setTimer(writeMs);
  }

  /** To be called when the configuration has changed. */
  reconfigure(): void {
    const { max_size: maxBytes, retention: retentionMs } = this.#options.config();
    this.#report.forgotten(this.#ring.resize(this.isOn ? maxBytes : 0), retentionMs);
    if (!this.isOn) this.#waiting = [];
  }

  /** Writes what waits. Never rejects. */
  flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes the last, and leaves no timer behind. */
  async close(): Promise<void> {
    await this.#loading;
    for (const entry of this.#filter.flush()) this.#waiting.push(entry);
    await this.flush();
    this.#isOpen = false;
    this.#cancelTimer?.();
    this.#report.close();
    await this.#segments.close();
  }

  /** How the last run of a pipeline ended, also if it told nothing new and is not kept. */
  lastLook(pipeline: string): LastLook | undefined {
    return this.#filter.lastLook(pipeline);
  }

  /** The oldest and the newest fact there is; undefined if there is none. */
  get range(): { readonly firstId: number; readonly lastId: number } | undefined {
    const { firstId, lastId } = this.#ring;
    return firstId === undefined || lastId === undefined ? undefined : { firstId, lastId };
  }

  /** The id of the oldest fact, once all that is on the disk has been read. */
  async oldestId(): Promise<number | undefined> {
    await this.#loading;
    return this.#ring.firstId;
  }

  /** The id of the newest fact, or what it would have to be above. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Calls when there are new facts. Gives what ends that. */
  follow(onFacts: () => void): () => void {
    this.#followers.add(onFacts);
    if (this.#waiting.length > 0) this.#setTimer(followedWriteMs);
    return () => void this.#followers.delete(onFacts);
  }

  /** The newest first, as of now, in slices. */
  newestFirst(query: FactQuery): AsyncGenerator<Fact> {
    return this.#facts(query, true);
  }

  /** The oldest first, as of now, in slices. */
  oldestFirst(query: FactQuery): AsyncGenerator<Fact> {
    return this.#facts(query, false);
  }

  async *#facts(
    { needles = [], accepts = () => true, before = Number.POSITIVE_INFINITY, after = 0 }: FactQuery,
    isNewestFirst: boolean,
  ): AsyncGenerator<Fact> {
    await this.#loading;
    await this.flush();
    const wanted = needles.map((needle) => Buffer.from(needle));
    const slices = new Slices(this.#options.schedule, 'history');
    const ordered = <T>(list: readonly T[]): readonly T[] => (isNewestFirst ? list.toReversed() : list.slice());
    for (const chunk of ordered(this.#ring.chunks)) {
      if (chunk.lastId <= after || chunk.firstId >= before) continue;
      for (const line of ordered(linesWith(chunk, wanted))) {
        if (slices.isOver) await slices.yieldTurn();
        const fact = this.#kept(line, accepts);
        if (fact !== undefined && fact.id < before && fact.id > after) yield fact;
      }
      if (slices.isOver) await slices.yieldTurn();
    }
  }

  /** Undefined if it is older than the retention: chunks go as a whole, later. */
  #kept(line: string, accepts: (line: string) => boolean): Fact | undefined {
    const fact = accepts(line) ? parseFact(line) : undefined;
    const oldest = this.#options.clock.now() - this.#options.config().retention;
    return fact === undefined || Date.parse(fact.time) < oldest ? undefined : fact;
  }

  #setTimer(delayMs: number): void {
    if (!this.#isOpen) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.flush(), delayMs);
  }

  async #write(): Promise<void> {
    if (!this.#isOpen || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const firstId = this.#lastId + 1;
    const pieces = await this.#append(waiting);
    this.#ring.forgetBefore(this.#options.clock.now() - this.#options.config().retention);
    for (const onFacts of this.#followers) onFacts();
    if (pieces.length > 0) await this.#store(pieces, firstId);
  }

  /** Adds lines to the ring, in slices; gives where they stand in it. */
  async #append(entries: readonly Entry[]): Promise<readonly Buffer[]> {
    const slices = new Slices(this.#options.schedule, 'history');
    const pieces: Piece[] = [];
    const before = this.#lastId;
    for (const entry of entries) {
      for (const kept of this.#filter.take(entry)) this.#appendOne(kept, pieces, before + 1);
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#report.kept(this.#lastId - before);
    return pieces.map(({ chunk, from, to }) => chunk.bytes.subarray(from, to));
  }

  #appendOne(entry: Entry, pieces: Piece[], unsaved: number): void {
    const id = ++this.#lastId;
    const gone = this.#ring.append(id, entry.time, factLine(id, entry), unsaved);
    this.#report.forgotten(gone, this.#options.config().retention);
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
    // The start has more to do just now.
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
