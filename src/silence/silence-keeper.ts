import { randomUUID } from 'node:crypto';
import {
  expireSilence,
  setSilence,
  NotStoredError,
  SilenceError,
  type KnownSilences,
  type SilenceChange,
  type SilenceLimits,
  type ValidSilence,
} from './silence-rules.ts';
import { silenceState, type Silence } from './silence.ts';
import type { SilenceStorage, SilenceWrite } from './silence-storage.ts';
import type { Silences } from './silences.ts';
import type { Clock } from '../runtime/clock.ts';
import type { SilenceMetrics, RoomLimit } from './silence-report.ts';
import { silenceMemory, silencesMemoryBytes } from './silence-size.ts';
import type { SilenceWatch } from './silence-watch.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface SilenceKeeperOptions {
  readonly clock: Clock;
  readonly silences: Silences;
  readonly storage: SilenceStorage;
  readonly limits: () => SilenceLimits;
  readonly metrics: SilenceMetrics;
  readonly watch: SilenceWatch;
  readonly room: SilenceRoom;
}

type Decide = (known: KnownSilences, now: number) => SilenceChange;

interface Waiting {
  readonly decide: Decide;
  readonly requestId: string;
  readonly resolve: (id: string) => void;
  readonly reject: (error: unknown) => void;
  /** How often it was decided and then somebody else had changed the silence. */
  outdated: number;
}

interface Decided {
  readonly waiting: Waiting;
  readonly change: SilenceChange;
}

/** How often a change is decided again because another replica changes the same silence at the same time. */
const maxDecisions = 10;

/**
 * Changes silences: first in the storage, then in memory, then it answers. Changes that arrive while the storage is busy are written
 * together. Both methods reject with SilenceError or NotStoredError; then nothing has changed.
 */
export class SilenceKeeper {
  readonly #options: SilenceKeeperOptions;
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(options: SilenceKeeperOptions) {
    this.#options = options;
  }

  /** Resolves with the id of the silence. */
  set(posted: ValidSilence, requestId: string): Promise<string> {
    const { limits } = this.#options;
    return this.#change(requestId, (known, now) => setSilence(known, posted, now, limits(), randomUUID));
  }

  async expire(id: string, requestId: string): Promise<void> {
    await this.#change(requestId, (known, now) => expireSilence(known, id, now));
  }

  #change(requestId: string, decide: Decide): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ decide, requestId, resolve, reject, outdated: 0 });
      if (!this.#busy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#commit(batch);
    }
    this.#busy = false;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { clock, silences, storage, watch } = this.#options;
    const now = clock.now();
    // Its timer may be late: a silence that has ended by now must not count.
    watch.catchUp();
    const draft = new SilenceDraft(silences, now);
    const decided = batch.flatMap((waiting) => this.#decide(waiting, draft, now));
    let isWhole = true;
    const writes = decided
      .filter(({ change }) => change.silences.length > 0)
      .map((each) => this.#write(each, () => (isWhole = false)));
    if (writes.length > 0) await storage.write(writes, () => draft.all());
    for (const { waiting, change } of decided) {
      if (change.silences.length > 0) continue;
      // Nothing had to change, if the changes before it in the batch were made.
      if (isWhole) waiting.resolve(change.id);
      else this.#waiting.push(waiting);
    }
  }

  #decide(waiting: Waiting, draft: SilenceDraft, now: number): readonly Decided[] {
    try {
      const change = waiting.decide(draft, now);
      draft.add(change);
      return [{ waiting, change }];
    } catch (error) {
      waiting.reject(error);
      return [];
    }
  }

  /** @param onNotStored called if it was not stored, or not yet */
  #write({ waiting, change }: Decided, onNotStored: () => void): SilenceWrite {
    const { metrics, room, watch } = this.#options;
    const failed = (error: unknown): void => {
      onNotStored();
      metrics.notStored.inc();
      waiting.reject(error instanceof SilenceError ? error : new NotStoredError(error));
    };
    return {
      silences: change.silences,
      stored: (silences) => {
        watch.changed(silences, waiting.requestId);
        room.make();
        waiting.resolve(change.id);
      },
      outdated: () => {
        onNotStored();
        if (++waiting.outdated < maxDecisions) this.#waiting.push(waiting);
        else failed(new Error('others change the silence at the same time, again and again: try again'));
      },
      failed,
    };
  }
}

/**
 * The silences as they will be once some changes are stored, so that the changes of a batch see each other. Only silences that
 * have not ended count: the others give up their places and memory.
 */
export class SilenceDraft implements KnownSilences {
  readonly #silences: Silences;
  readonly #changed = new Map<string, Silence>();
  readonly #now: number;
  #addedCount = 0;
  #addedBytes = 0;

  /** @param now the time up to which `silences` has been advanced */
  constructor(silences: Silences, now: number) {
    this.#silences = silences;
    this.#now = now;
  }

  get liveCount(): number {
    return this.#silences.liveCount + this.#addedCount;
  }

  get(id: string): Silence | undefined {
    return this.#changed.get(id) ?? this.#silences.get(id);
  }

  /**
   * Throws SilenceError and adds nothing if there is no memory for the change. A change that takes no more than before is always
   * added.
   */
  add({ silences }: SilenceChange): void {
    const bytes = silences.reduce((sum, silence) => sum + this.#growth(silence), 0);
    const total = this.#silences.liveBytes + this.#addedBytes + bytes;
    if (bytes > 0 && total > silencesMemoryBytes) throw SilenceError.noMemory(silencesMemoryBytes);
    this.#addedBytes += bytes;
    for (const silence of silences) {
      this.#addedCount += Number(this.#isLive(silence)) - Number(this.#isLive(this.get(silence.id)));
      this.#changed.set(silence.id, silence);
    }
  }

  #growth(silence: Silence): number {
    return this.#liveBytesOf(silence) - this.#liveBytesOf(this.get(silence.id));
  }

  #liveBytesOf(silence: Silence | undefined): number {
    return this.#isLive(silence) ? silenceMemory(silence) : 0;
  }

  #isLive(silence: Silence | undefined): silence is Silence {
    return silence !== undefined && silenceState(silence, this.#now) !== 'expired';
  }

  *all(): Iterable<Silence> {
    for (const silence of this.#silences.all()) if (!this.#changed.has(silence.id)) yield silence;
    yield* this.#changed.values();
  }
}

interface SilenceRoomOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly silences: Silences;
  readonly limits: () => SilenceLimits;
  readonly metrics: Pick<SilenceMetrics, 'forgotten'>;
}

/**
 * Keeps ended silences from taking room from others: over a limit, it forgets the one that ended first. It counts all of them and
 * logs one line a minute at most. They leave the file when that is rewritten.
 */
export class SilenceRoom {
  readonly #options: SilenceRoomOptions;
  #untold = { max_silences: 0, silences_memory: 0 };
  readonly #line: LineOnceAWhile;

  constructor(options: SilenceRoomOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock);
  }

  /** Forgets as many as necessary. */
  make(): void {
    const { silences, metrics } = this.#options;
    for (let limit = this.#exceeded(); limit !== undefined; limit = this.#exceeded()) {
      if (silences.forgetFirstEnded() === undefined) break;
      metrics.forgotten(limit);
      this.#untold[limit]++;
    }
    if (this.#isUntold && this.#line.allows()) this.#write();
  }

  /** At the end: logs what is still pending. */
  close(): void {
    if (this.#isUntold) this.#write();
  }

  #exceeded(): RoomLimit | undefined {
    const { silences, limits } = this.#options;
    const { maxSilences, maxMemoryBytes } = limits();
    if (silences.size > maxSilences) return 'max_silences';
    return silences.memoryBytes > maxMemoryBytes ? 'silences_memory' : undefined;
  }

  get #isUntold(): boolean {
    return this.#untold.max_silences + this.#untold.silences_memory > 0;
  }

  #write(): void {
    const message = 'silences that ended were forgotten before receiver.silence_retention, to make room for others';
    this.#options.logger.info('silences.forgotten', message, this.#untold);
    this.#untold = { max_silences: 0, silences_memory: 0 };
  }
}
