import type { LabelText } from './label-set.ts';
import type { IdentifiedLabels } from './postable-alert.ts';

/** What is stored of an alert. */
export interface KnownAlert extends IdentifiedLabels {
  readonly state: { readonly annotations: LabelText };
}

/** The alerts that are stored, by their keys; see labelKey. */
export interface KnownAlerts {
  find(key: string): KnownAlert | undefined;
  /** The same at less cost; it may fail to find an alert that is there. */
  findByText(key: string, textHash: number): KnownAlert | undefined;
}

export const nothingKnown: KnownAlerts = { find: () => undefined, findByText: () => undefined };
