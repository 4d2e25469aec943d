import type { LabelSet } from './label-set.ts';

/**
 * One string that is equal for equal label sets, and for no others: JSON without blanks, in the order of names. It is what
 * the store looks alerts up by; the fingerprint, which costs more than the rest of an alert's way in, is left until somebody
 * reads it. Prometheus writes labels in just this way, if no text needs an escape: so its own text is the key.
 * @param labels well-formed text, no empty values
 */
export function labelKey(labels: LabelSet): string {
  let previous = '';
  for (const name in labels) {
    if (name < previous) return sortedKey(labels);
    previous = name;
  }
  return JSON.stringify(labels);
}

/** Written by hand: objects keep numbers before all other names. */
function sortedKey(labels: LabelSet): string {
  const names = Object.keys(labels).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`).join(',')}}`;
}
