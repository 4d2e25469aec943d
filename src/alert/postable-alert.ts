import type { LabelSet } from './label-set.ts';
import { labelKey } from './label-key.ts';

/** One alert of a POST body that satisfies the schema: what the sender said, with empty label values already gone. */
export interface PostableAlert {
  /** Identity; see {@link labelKey}. '' if invalid. */
  readonly key: string;
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  /** Milliseconds since the epoch; undefined if absent. */
  readonly startsAt: number | undefined;
  readonly endsAt: number | undefined;
  /** '' if absent. */
  readonly generatorURL: string;
  /** Why the alert cannot be stored whatever the time is; undefined if it can. The rest of its batch is not concerned. */
  readonly invalid: string | undefined;
}

/** What is left to decide once the fields have their types. */
export type AlertFields = Omit<PostableAlert, 'key' | 'invalid'>;

const noLabels: LabelSet = Object.freeze({});

/** The annotations of an alert without any: one object for all. */
export const noAnnotations = noLabels;

/**
 * Makes a postable alert out of checked fields, in one pass over the labels.
 * @param fields labels may still hold empty values, which Prometheus' data model takes for absent labels
 * @param maxLabels most labels, and most annotations; more make the alert invalid
 */
export function postableAlert(fields: AlertFields, maxLabels: number): PostableAlert {
  const labels = withoutEmptyValues(fields.labels);
  const invalid = invalidity('label', labels, maxLabels) ?? invalidity('annotation', fields.annotations, maxLabels);
  return {
    key: invalid === undefined ? labelKey(labels) : '',
    labels,
    annotations: fields.annotations,
    startsAt: fields.startsAt,
    endsAt: fields.endsAt,
    generatorURL: fields.generatorURL,
    invalid,
  };
}

function withoutEmptyValues(labels: LabelSet): LabelSet {
  for (const name in labels) {
    if (labels[name] === '') return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
  }
  return labels;
}

function invalidity(what: 'label' | 'annotation', set: LabelSet, maxLabels: number): string | undefined {
  let count = 0;
  for (const name in set) {
    if (name === '')
      return what === 'label' ? 'invalid label set: invalid name ""' : 'invalid annotations: invalid name ""';
    if (++count > maxLabels) return `more than ${maxLabels} ${what}s, the limit receiver.max_labels_per_alert`;
  }
  return count === 0 && what === 'label' ? 'at least one label pair required' : undefined;
}
