import type { LabelSet } from './label-set.ts';

/** Ends each name and each value inside a key. A label text that holds one is written with {@link nulStandIn}. */
const separator = '\0';

/** A lone surrogate, which no well-formed text contains: so no two label sets share a key. */
const nulStandIn = '\udc00';

/**
 * One string that is equal for equal label sets: `name\0value\0…` in the order of names. It is what the store looks alerts
 * up by; the fingerprint, which costs more than the rest of an alert's way in, is left until somebody reads it.
 * @param labels well-formed text, no empty values
 */
export function labelKey(labels: LabelSet): string {
  let key = '';
  let previous = '';
  for (const name in labels) {
    if (name < previous) return keyOf(Object.keys(labels).toSorted(), labels);
    previous = name;
    key += plain(name) + separator + plain(labels[name]!) + separator;
  }
  return key;
}

function keyOf(names: readonly string[], labels: LabelSet): string {
  let key = '';
  for (const name of names) key += plain(name) + separator + plain(labels[name]!) + separator;
  return key;
}

function plain(text: string): string {
  return text.includes(separator) ? text.replaceAll(separator, nulStandIn) : text;
}
