import { SilenceError } from './silence-error.ts';
import { silenceMemory } from './silence-memory.ts';
import type { KnownSilences, SilenceChange } from './silence-rules.ts';
import { silenceState, type Silence } from './silence.ts';
import type { Silences } from './silences.ts';
import { silencesMemoryBytes } from '../limits.ts';

/**
 * The silences as they will be once some changes are stored; the changes of a batch see each other in it. Only those that have not
 * ended count: the others give up their places and their memory to them.
 */
export class SilenceDraft implements KnownSilences {
  readonly #silences: Silences;
  readonly #changed = new Map<string, Silence>();
  readonly #now: number;
  #addedCount = 0;
  #addedBytes = 0;

  /** @param now the silences have been told of all that has ended by then */
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

  /** Throws SilenceError, and adds nothing, if there is no memory for it. What takes no more than before is always added. */
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
