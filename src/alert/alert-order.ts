import { compareByBytes } from '../text/go/utf8.ts';
import { sortedNames } from './fingerprint.ts';
import type { LabelSet } from './label-set.ts';

/**
 * The order of label sets in Alertmanager (LabelSet.Before of github.com/prometheus/common): those with fewer labels first,
 * then, at the first
 * name that they do not share, that which has not got it; at the first name whose values differ, the smaller value.
 */
export function compareLabelSets(a: LabelSet, b: LabelSet): number {
  const names = sortedNames(a);
  const others = sortedNames(b);
  if (names.length !== others.length) return names.length - others.length;
  for (let index = 0; index < names.length; index++) {
    const [name, other] = [names[index]!, others[index]!];
    const order = compareByBytes(other, name) || compareByBytes(a[name]!, b[other]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** The order of the alerts in a group: by `job`, by `instance`, those without one last, then as label sets. */
export function compareInGroup(a: LabelSet, b: LabelSet): number {
  return compareLabel('job', a, b) || compareLabel('instance', a, b) || compareLabelSets(a, b);
}

function compareLabel(name: string, a: LabelSet, b: LabelSet): number {
  const valueA = a[name];
  const valueB = b[name];
  if (valueA === undefined || valueB === undefined) return Number(valueA === undefined) - Number(valueB === undefined);
  return compareByBytes(valueA, valueB);
}
