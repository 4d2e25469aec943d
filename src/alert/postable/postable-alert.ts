import type { Labelled, LabelSet, LabelText } from '../label-set.ts';
import { labelKey } from '../label-key.ts';

/** One alert of a POST body that satisfies the schema: what the sender said, with empty label values already gone. */
export interface PostableAlert extends IdentifiedLabels {
  readonly annotations: LabelText;
  /** Milliseconds since the epoch; undefined if absent. */
  readonly startsAt: number | undefined;
  readonly endsAt: number | undefined;
  /** '' if absent. */
  readonly generatorURL: string;
  /** The alert that was stored under this key when this one was read; it may have been forgotten since. */
  readonly known?: IdentifiedLabels | undefined;
  /** Why the alert cannot be stored whatever the time is; undefined if it can. The rest of its batch is not concerned. */
  readonly invalid: string | undefined;
}

/** What is left to decide once the fields have their types. */
export interface AlertFields extends Omit<PostableAlert, 'key' | 'keyHash' | 'known' | 'invalid'> {
  readonly annotations: LabelSet;
}

/** Labels, and the key that tells them from others. */
export interface IdentifiedLabels extends Labelled {
  /** See {@link labelKey}. '' if they are invalid. */
  readonly key: string;
  /** The key's {@link TextHash}, if it is known. */
  readonly keyHash?: number;
}

const noLabels: LabelSet = Object.freeze({});

/** The annotations of an alert without any: one object for all. */
export const noAnnotations = noLabels;

/**
 * Makes a postable alert out of checked fields.
 * @param fields labels may still hold empty values, which Prometheus' data model takes for absent labels
 * @param maxLabels most labels, those with empty values too, and most annotations; more make the alert invalid
 */
export function postableAlert(fields: AlertFields, maxLabels: number): PostableAlert {
  const labels = withoutEmptyValues(fields.labels);
  const given = labels === fields.labels ? 0 : count(fields.labels);
  const invalid =
    invalidity('label', labels, given, maxLabels) ?? invalidity('annotation', fields.annotations, 0, maxLabels);
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

/**
 * Numbers go first, so that it does not matter what is in the set beyond one too many.
 * @param given how many there were before some were removed; 0 if none was
 */
function invalidity(what: 'label' | 'annotation', set: LabelSet, given: number, maxLabels: number): string | undefined {
  let unnamed = false;
  let left = 0;
  for (const name in set) {
    left++;
    if (name === '') unnamed = true;
  }
  if (Math.max(left, given) > maxLabels)
    return `more than ${maxLabels} ${what}s, the limit receiver.max_labels_per_alert`;
  if (unnamed) return what === 'label' ? 'invalid label set: invalid name ""' : 'invalid annotations: invalid name ""';
  return left === 0 && what === 'label' ? 'at least one label pair required' : undefined;
}

function count(set: LabelSet): number {
  return Object.keys(set).length;
}
