import { labelSetOf, type LabelSet, type LabelText } from '../label-set.ts';
import type { IdentifiedLabels, PostableAlert } from './postable-alert.ts';

/** An alert whose labels nobody has parsed: their text is known to be a key. */
export class TextAlert implements PostableAlert {
  readonly key: string;
  readonly keyHash: number;
  readonly annotations: LabelText;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly generatorURL: string;
  readonly invalid = undefined;
  readonly known: IdentifiedLabels | undefined;

  /** @param identity a key, or an alert that is stored under it */
  constructor(
    identity: string | IdentifiedLabels,
    keyHash: number,
    annotations: LabelText,
    startsAt: number,
    endsAt: number,
    generatorURL: string,
  ) {
    this.key = typeof identity === 'string' ? identity : identity.key;
    this.known = typeof identity === 'string' ? undefined : identity;
    this.keyHash = keyHash;
    this.annotations = annotations;
    this.startsAt = startsAt;
    this.endsAt = endsAt;
    this.generatorURL = generatorURL;
  }

  get labels(): LabelSet {
    return this.known?.labels ?? labelSetOf(this.key);
  }
}
