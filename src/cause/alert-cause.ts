import { createHash } from 'node:crypto';
import type { Alert } from '../alert/alert.ts';
import type { CauseStatus, Causes } from './causes.ts';
import type { LabelSet } from '../alert/labels.ts';

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

/** Labels as they go into the log and on to what follows. */
interface BriefLabels {
  readonly labels: LabelSet;
  /** How many were left out. */
  readonly omitted: number;
}

/** An alert whose labels have no more characters than this, all together, is told of whole: every real one is. */
const maxWholeCharacters = 8192;

/** Of a larger alert, labels with longer texts, and more labels than this, are left out. No pipeline's name is longer. */
const maxTextCharacters = 256;
const maxLabels = 32;

/** The labels that pipelines are chosen by are kept first. */
const choosing: ReadonlySet<string> = new Set(['alertname', 'pipeline_name', 'pipeline_type']);

/** True if the labels of an alert may be kept, and told of, as they are. */
function isBrief({ key }: Alert): boolean {
  return key.length <= maxWholeCharacters;
}

/**
 * The labels of an alert, or a few kilobytes of them: one label may have the size of a body, and what is kept of an alert
 * that the store has no room for, or is written on many lines of the log, must not. A label is left out, never cut.
 */
export function briefLabels(alert: Alert): BriefLabels {
  const { labels } = alert;
  return isBrief(alert) ? { labels, omitted: 0 } : shortened(labels);
}

/** The same for labels of which nobody has measured the length yet. */
export function briefLabelSet(labels: LabelSet): BriefLabels {
  let characters = 0;
  for (const name in labels) {
    characters += name.length + labels[name]!.length;
    if (characters > maxWholeCharacters) return shortened(labels);
  }
  return { labels, omitted: 0 };
}

function shortened(labels: LabelSet): BriefLabels {
  const brief = new Map<string, string>();
  let count = 0;
  for (const name in labels) {
    count++;
    const value = labels[name]!;
    const short = name.length <= maxTextCharacters && value.length <= maxTextCharacters;
    if (short && (brief.size < maxLabels || choosing.has(name))) brief.set(name, value);
  }
  return { labels: Object.fromEntries(brief), omitted: count - brief.size };
}
