import { SilenceError } from '../../alert/silence-error.ts';
import { silenceMemory } from '../../alert/silence-memory.ts';
import type { KnownSilences, SilenceChange } from '../../alert/silence-rules.ts';
import type { Silence } from '../../alert/silence.ts';
import type { Silences } from '../../alert/silences.ts';
import { silencesMemoryBytes } from '../../limits.ts';

/** The silences as they will be once some changes are stored; the changes of a batch see each other in it. */
export class SilenceDraft implements KnownSilences {
  readonly #silences: Silences;
  readonly #changed = new Map<string, Silence>();
  #added = 0;
  #addedBytes = 0;

  constructor(silences: Silences) {
    this.#silences = silences;
  }

  get size(): number {
    return this.#silences.size + this.#added;
  }

  get(id: string): Silence | undefined {
    return this.#changed.get(id) ?? this.#silences.get(id);
  }

  /** Throws SilenceError, and adds nothing, if there is no memory for it. What takes no more than before is always added. */
  add({ silences }: SilenceChange): void {
    const bytes = silences.reduce((sum, silence) => sum + this.#growth(silence), 0);
    const total = this.#silences.memoryBytes + this.#addedBytes + bytes;
    if (bytes > 0 && total > silencesMemoryBytes) throw SilenceError.noMemory(silencesMemoryBytes);
    this.#addedBytes += bytes;
    for (const silence of silences) {
      if (this.get(silence.id) === undefined) this.#added++;
      this.#changed.set(silence.id, silence);
    }
  }

  #growth(silence: Silence): number {
    const before = this.get(silence.id);
    return silenceMemory(silence) - (before === undefined ? 0 : silenceMemory(before));
  }

  *all(): Iterable<Silence> {
    for (const silence of this.#silences.all()) if (!this.#changed.has(silence.id)) yield silence;
    yield* this.#changed.values();
  }
}
