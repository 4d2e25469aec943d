/** Label names to values. Values are never empty in a stored alert; names and values are well-formed Unicode. */
export type LabelSet = Readonly<Record<string, string>>;

/** Anything with labels; each read may build them anew. */
export interface Labelled {
  readonly labels: LabelSet;
}

/** A label set, or its text. Most labels that arrive are never read, and a text takes half the memory. */
export type LabelText = LabelSet | string;

/** A longer text is kept as a set, so that it is not parsed twice; characters. */
const maxTextLength = 8192;

/**
 * True if a text can stand for its label set.
 * @param text a label set as JSON
 */
export function isLabelText(text: string): boolean {
  // JSON.parse may get a name with a backslash wrong; see isTrustworthy.
  return text.length <= maxTextLength && !text.includes('\\');
}

export function labelSetOf(text: LabelText): LabelSet {
  return typeof text === 'string' ? (JSON.parse(text) as LabelSet) : text;
}

export function isSameLabelText(a: LabelText, b: LabelText): boolean {
  return a === b || isSameLabelSet(labelSetOf(a), labelSetOf(b));
}

function isSameLabelSet(a: LabelSet, b: LabelSet): boolean {
  for (const name in a) if (a[name] !== b[name] || !Object.hasOwn(b, name)) return false;
  for (const name in b) if (!Object.hasOwn(a, name)) return false;
  return true;
}

/**
 * One string for a label set, equal for equal sets only: JSON without blanks, in the order of names. The store finds alerts by
 * it. The fingerprint costs more than everything else on an alert's way in, so it is computed only when it is read. Prometheus
 * writes labels in just this form if no text needs an escape, so its own text is the key.
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

/** Written by hand, because objects put numbers before all other names. */
function sortedKey(labels: LabelSet): string {
  const names = Object.keys(labels).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`).join(',')}}`;
}
