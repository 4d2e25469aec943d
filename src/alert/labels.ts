/** Label names to values. Values are never empty in a stored alert; names and values are well-formed Unicode. */
export type LabelSet = Readonly<Record<string, string>>;

/** Whatever has labels; they may be made each time they are read. */
export interface Labelled {
  readonly labels: LabelSet;
}

/** A label set, or its text: most of those that come are never looked at, and a text takes half as much memory. */
export type LabelText = LabelSet | string;

/** Longer texts are kept as the set, so that nobody parses them twice; characters. */
const maxTextLength = 8192;

/**
 * True if a text can stand for its label set.
 * @param text a label set as JSON
 */
export function isLabelText(text: string): boolean {
  // With a backslash it may be one that JSON.parse gets wrong; see isTrustworthy.
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
