import { createHash } from 'node:crypto';
import type { Alert } from '../alert/alert.ts';
import type { Causes } from './causes.ts';
import type { CauseStatus } from './cause.ts';
import { mayHaveLabel, type LabelSet } from '../alert/labels.ts';

const pieceCharacters = 64 * 1024;

/** The label of every alert that Tocsin itself sends to an Alertmanager (`notify`). */
export const notificationMark: LabelSet = { tocsin: 'notify' };

/**
 * True for an alert that a Tocsin has sent about a pipeline, and that an Alertmanager brings back. It must wake nothing: a verdict
 * would be its own cause.
 */
export function isNotification(labels: LabelSet): boolean {
  return labels['tocsin'] === notificationMark['tocsin'];
}

const mayBeNotification = mayHaveLabel('tocsin', notificationMark['tocsin']);

/** The same for an alert whose labels nobody has read yet: it mostly does without. */
export function isNotificationAlert(alert: Alert): boolean {
  return mayBeNotification(alert.key) && isNotification(alert.labels);
}

/**
 * Adds an alert to the causes of a reconcile, unless it is a notification. Of huge labels, it adds only the part that may be kept for
 * long.
 */
export function addCause(causes: Causes, alert: Alert, status: CauseStatus, at: number): void {
  if (isNotificationAlert(alert)) return;
  if (isBrief(alert)) causes.addAlert(alert.key, alert, status, at);
  else causes.addAlert(digest(alert.key), { labels: briefLabels(alert).labels, times: alert.times }, status, at);
}

/** Hashes piece by piece: in one go it would take several times the memory of the text. */
function digest(text: string): string {
  const hash = createHash('sha256');
  for (let at = 0; at < text.length; at += pieceCharacters)
    hash.update(text.slice(at, at + pieceCharacters), 'utf16le');
  return hash.digest('hex');
}

/** Labels as they go into the log and to the rest of the program. */
interface BriefLabels {
  readonly labels: LabelSet;
  /** The number of labels that were left out. */
  readonly omitted: number;
}

/** The most characters of all labels together with which they are kept whole; every real alert has fewer. */
const maxWholeCharacters = 8192;

/** Of a larger alert, labels with longer texts are left out, and all beyond this number. No name of a pipeline is longer. */
const maxTextCharacters = 256;
const maxLabels = 32;

/** The labels that choose pipelines; they are kept first. */
const choosing: ReadonlySet<string> = new Set(['alertname', 'pipeline_name', 'pipeline_type']);

/** True if the labels of an alert are small enough to be kept and shown whole. */
function isBrief({ key }: Alert): boolean {
  return key.length <= maxWholeCharacters;
}

/**
 * The labels of an alert, or a few kilobytes of them. One label may be as large as a body; that must not be kept with an alert
 * that the store has no room for, or be written on many lines of the log. A label is left out, never cut.
 */
export function briefLabels(alert: Alert): BriefLabels {
  const { labels } = alert;
  return isBrief(alert) ? { labels, omitted: 0 } : shortened(labels);
}

/** The same for labels whose length has not been measured yet. */
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
