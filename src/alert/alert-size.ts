import type { Alert, AlertTexts } from './alert.ts';
import type { LabelText } from './label-set.ts';

/** The objects of an alert without its texts: alert, times, map entry, place in the heap. */
const alertBytes = 320;
/** A name and a value: two references, two string headers, rounding, and a share of what V8 keeps of a set of names seen once. */
const pairBytes = 150;

/**
 * What a stored alert takes in memory, bytes, estimated on the high side (`npm run bench` compares it with the heap).
 * Of labels that are kept as a set the key holds every text a second time, as JSON.
 */
export function alertSize(alert: Alert, characterBytes: 1 | 2, texts: AlertTexts = alert): number {
  const { annotations, generatorURL } = texts;
  const characters = alert.key.length + generatorURL.length;
  return (
    alertBytes +
    characterBytes * characters +
    textSize(annotations, characterBytes) +
    textSize(alert.keptLabels ?? '', characterBytes)
  );
}

function textSize(labels: LabelText, characterBytes: number): number {
  if (typeof labels === 'string') return characterBytes * labels.length;
  let bytes = 0;
  for (const name in labels) bytes += pairBytes + characterBytes * (name.length + labels[name]!.length);
  return bytes;
}
