import type { Causes } from './causes.ts';
import { causeTexts } from './describe-causes.ts';

/** The longest text of causes, characters. */
const maxCauseLength = 256;

/**
 * `InstanceDown firing, DiskFull resolved ×2`, the newest alert first, in one line for others to read. Names and statuses
 * alone: whoever may read an object or its events need not be allowed to read what else an alert's labels say.
 */
export function causeText(causes: Causes): string {
  const text = causeTexts(causes).join(', ').toWellFormed();
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= maxCauseLength) return line;
  // A pair of surrogates must not be cut in two.
  return `${line.slice(0, maxCauseLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
