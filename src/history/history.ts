import { setImmediate } from 'node:timers/promises';
import type { CancelTimer } from '../runtime/clock.ts';
import { timeWriter, type LineKeeper, type LogFields, type LogLevel } from '../runtime/logger.ts';
import { Slices } from '../runtime/slices.ts';
import { Admission } from './admission.ts';
import { factLine, type Entry, type Fact } from './fact.ts';
import { FactRing } from './fact-ring.ts';
import { HistoryReport } from './history-report.ts';
import { LookFilter, type LastLook } from './look-filter.ts';
import { loadFacts, newestId } from './load-facts.ts';
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

/** The longest time until lines are written to the disk, and until followers hear of them, milliseconds. */
const writeMs = 1000;
const followedMs = 100;

/** Lines are written sooner if there are more of them, bytes; or an eighth of the whole size. */
const soonBytes = 1024 * 1024;

/** The most lines before {@link History.open}; further ones are lost and counted. */
const maxEarly = 1000;

/** The time from a failed write to the next try, milliseconds. */
const storageRetryMs = 60_000;

export interface HistoryOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => HistoryConfig;
  /** `history/` in `--storage.path`. */
  readonly folder: string;
}

/**
 * Keeps the lines of the log for later questions. A line becomes text in the ring at once, so no object of it outlives the call; what
 * is new in the ring goes to the disk once a second.
 */
export class History implements LineKeeper {
  readonly #options: HistoryOptions;
  readonly #ring: FactRing;
  readonly #filter = new LookFilter();
  readonly #segments: Segments;
  readonly #report: HistoryReport;
  readonly #admission: Admission;
  readonly #timeOf = timeWriter();
  readonly #followers = new Set<() => void>();
  /** The lines before {@link open}, which have no id yet. */
  #early: Entry[] | undefined = [];
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWritingSoon = false;
  #loading: Promise<void> = Promise.resolve();
  #lastId = 0;
  /** The newest fact that was counted and that the followers heard of. */
  #passedOnId = 0;
  /** The earliest time for the next write, by the monotonic clock. */
  #storageRetryAt = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#ring = new FactRing(options.config().max_size);
    this.#segments = new Segments(options);
    this.#admission = new Admission(options.clock);
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

  /** The number of facts that were lost or forgotten before their time in the last hour. */
  get lostLately(): number {
    return this.#report.lostLately;
  }

  /** See {@link Admission.wants}. */
  wants(event: string): boolean {
    return this.isOn && this.#admission.wants(event);
  }

  keep(level: LogLevel, event: string, msg: string, fields: LogFields, json?: string): void {
    if (!this.isOn || !this.#admission.keeps(level, event)) return;
    if (!this.#admission.hasRoom(event)) return this.#report.lost();
    const entry = { time: this.#options.clock.now(), level, event, msg, fields, json };
    if (this.#early === undefined) this.#take(entry);
    else if (this.#early.push(entry) > maxEarly) {
      this.#early.pop();
      this.#report.lost();
    }
  }

  /** Finds where the last process ended; what that left is read later, while Tocsin works. Never rejects. */
  async open(): Promise<void> {
    const { clock } = this.#options;
    await this.#segments.find().catch((error: unknown) => this.#report.unreadable(this.#options.folder, error));
    this.#lastId = await newestId(this.#segments, this.#options.config().max_size);
    // After the storage was removed, old ids must not name new facts.
    this.#lastId = Math.max(this.#lastId, Math.floor(clock.now()) * 1000);
    this.#passedOnId = this.#lastId;
    this.#isOpen = true;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const entry of early) this.#take(entry);
    if (this.isOn) this.#loading = this.#load();
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    const { max_size: maxBytes, retention: retentionMs } = this.#options.config();
    this.#report.forgotten(this.#ring.resize(this.isOn ? maxBytes : 0), retentionMs);
    if (!this.isOn) this.#early?.splice(0);
  }

  /** Passes on what is new: to the followers, and to the disk. Never rejects. */
  flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#writing = this.#writing.then(() => this.#passOn());
    return this.#writing;
  }

  /** Writes the last lines and leaves no timer behind. */
  async close(): Promise<void> {
    await this.#loading;
    for (const entry of this.#filter.flush()) this.#append(entry);
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
    if (this.#lastId > this.#passedOnId) this.#setTimer(followedMs);
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
    const slices = new Slices(this.#options.schedule, 'history');
    yield* readFacts(this.#ring.chunks, query, { newestFirst, oldest: this.#oldest, slices });
  }

  /** The time before which facts are too old. */
  get #oldest(): number {
    return this.#options.clock.now() - this.#options.config().retention;
  }

  #take(entry: Entry): void {
    // Nearly all lines are about no run.
    if (entry.fields['run'] === undefined) this.#append(entry);
    else for (const kept of this.#filter.take(entry)) this.#append(kept);
  }

  #append(entry: Entry): void {
    const id = ++this.#lastId;
    const gone = this.#ring.append(id, entry.time, factLine(id, entry, this.#timeOf(entry.time)));
    if (gone.length > 0) this.#report.forgotten(gone, this.#options.config().retention);
    if (this.#cancelTimer === undefined) this.#setTimer(this.#followers.size > 0 ? followedMs : writeMs);
    const { unsavedBytes } = this.#ring;
    if (this.#isWritingSoon || unsavedBytes < Math.min(soonBytes, this.#options.config().max_size / 8)) return;
    this.#isWritingSoon = true;
    void this.flush();
  }

  #setTimer(delayMs: number): void {
    if (!this.#isOpen) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.flush(), delayMs);
  }

  async #passOn(): Promise<void> {
    this.#isWritingSoon = false;
    if (!this.#isOpen || this.#lastId === this.#passedOnId) return;
    this.#report.kept(this.#lastId - this.#passedOnId);
    this.#passedOnId = this.#lastId;
    this.#ring.forgetBefore(this.#oldest);
    for (const onFacts of this.#followers) onFacts();
    const newest = this.#lastId;
    // What comes while this is written waits for the next time.
    for (let saved = 0; saved < newest;) {
      const lent = this.#ring.lend();
      if (lent === undefined) return;
      await this.#store(lent.pieces, lent.firstId);
      this.#ring.giveBack();
      saved = lent.lastId;
    }
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
    const { schedule, folder } = this.#options;
    await loadFacts({
      segments: this.#segments,
      ring: this.#ring,
      maxBytes: this.#options.config().max_size,
      oldest: this.#oldest,
      slices: new Slices(schedule, 'history'),
      onDamaged: (lines) => this.#report.damaged(folder, lines),
      onUnreadable: (path, error) => this.#report.unreadable(path, error),
    });
  }
}
