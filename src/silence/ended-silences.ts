import type { Silence } from './silence.ts';

/** Silences that have ended, in the order in which they did. They come nearly in that order, so that to add one costs little. */
export class EndedSilences {
  readonly #silences: Silence[] = [];

  /** The one that ended first. */
  get first(): Silence | undefined {
    return this.#silences[0];
  }

  add(silence: Silence): void {
    let at = this.#silences.length;
    while (at > 0 && this.#silences[at - 1]!.endsAt > silence.endsAt) at--;
    this.#silences.splice(at, 0, silence);
  }

  /** Does nothing if it is not in here. */
  delete(silence: Silence): void {
    const at = this.#silences.indexOf(silence);
    if (at >= 0) this.#silences.splice(at, 1);
  }
}
