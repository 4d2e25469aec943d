import type { KnownSilences, SilenceChange } from '../../alert/silence-rules.ts';
import type { Silence } from '../../alert/silence.ts';
import type { Silences } from '../../alert/silences.ts';

/** The silences as they will be once some changes are stored; the changes of a batch see each other in it. */
export class SilenceDraft implements KnownSilences {
  readonly #silences: Silences;
  readonly #changed = new Map<string, Silence>();
  #added = 0;

  constructor(silences: Silences) {
    this.#silences = silences;
  }

  get size(): number {
    return this.#silences.size + this.#added;
  }

  get(id: string): Silence | undefined {
    return this.#changed.get(id) ?? this.#silences.get(id);
  }

  add({ silences }: SilenceChange): void {
    for (const silence of silences) {
      if (this.get(silence.id) === undefined) this.#added++;
      this.#changed.set(silence.id, silence);
    }
  }

  *all(): Iterable<Silence> {
    for (const silence of this.#silences.all()) if (!this.#changed.has(silence.id)) yield silence;
    yield* this.#changed.values();
  }
}
