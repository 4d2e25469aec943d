import type { LabelText } from '../label-set.ts';
import type { IdentifiedLabels } from './postable-alert.ts';

/** What is stored of an alert. */
export interface KnownAlert extends IdentifiedLabels {
  readonly annotations: LabelText;
}

/** The alerts that are stored, by their keys; see labelKey. */
export interface KnownAlerts {
  /** @param keyHash the key's {@link TextHash} */
  find(key: string, keyHash: number): KnownAlert | undefined;
}

export const nothingKnown: KnownAlerts = { find: () => undefined };
