import { labelSetOf, type LabelSet, type LabelText } from './label-set.ts';
import type { IdentifiedLabels, PostableAlert } from './postable-alert.ts';

/** An alert whose labels nobody has parsed: their text is known to be a key. */
export class TextAlert implements PostableAlert {
  readonly key: string;
  readonly annotations: LabelText;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly generatorURL: string;
  readonly invalid = undefined;
  readonly #stored: IdentifiedLabels | undefined;

  /** @param identity a key, or an alert that is stored under it */
  constructor(
    identity: string | IdentifiedLabels,
    annotations: LabelText,
    startsAt: number,
    endsAt: number,
    generatorURL: string,
  ) {
    this.key = typeof identity === 'string' ? identity : identity.key;
    this.#stored = typeof identity === 'string' ? undefined : identity;
    this.annotations = annotations;
    this.startsAt = startsAt;
    this.endsAt = endsAt;
    this.generatorURL = generatorURL;
  }

  get labels(): LabelSet {
    return this.#stored?.labels ?? labelSetOf(this.key);
  }
}
