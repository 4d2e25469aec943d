import { createHash } from 'node:crypto';
import type { Alert } from '../alert/alert.ts';
import type { CauseStatus } from './cause.ts';
import type { Causes } from './causes.ts';
import { briefLabels, isBrief } from './brief-labels.ts';

const pieceCharacters = 64 * 1024;

/** Adds an alert to what wakes a reconcile; of one with huge labels, only so much as may be kept for long. */
export function addCause(causes: Causes, alert: Alert, status: CauseStatus, at: number): void {
  if (isBrief(alert)) causes.addAlert(alert.key, alert, status, at);
  else causes.addAlert(digest(alert.key), { labels: briefLabels(alert).labels }, status, at);
}

/** Piece by piece: in one go it would take the memory of the text several times over. */
function digest(text: string): string {
  const hash = createHash('sha256');
  for (let at = 0; at < text.length; at += pieceCharacters)
    hash.update(text.slice(at, at + pieceCharacters), 'utf16le');
  return hash.digest('hex');
}
