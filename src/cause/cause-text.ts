import type { Causes } from './causes.ts';
import { causeTexts } from './describe-causes.ts';

/** The longest line for others to read, characters. */
const maxLineLength = 256;

/**
 * `InstanceDown firing, DiskFull resolved ×2`, the newest alert first, in one line for others to read. Names and statuses
 * alone: whoever may read an object or its events need not be allowed to read what else an alert's labels say.
 */
export function causeText(causes: Causes): string {
  return oneLine(causeTexts(causes).join(', '));
}

/** A text that others made, on one line of at most {@link maxLineLength} characters. */
export function oneLine(text: string): string {
  const line = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= maxLineLength) return line;
  // A pair of surrogates must not be cut in two.
  return `${line.slice(0, maxLineLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
