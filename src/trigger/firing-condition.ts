import { compareByBytes } from '../text/go/utf8.ts';
import { matches } from './alert-matchers.ts';
import { fingerprint, labelSetOf, type LabelSet, type LabelText } from '../alert/labels.ts';
import { briefLabelSet } from '../cause/alert-cause.ts';
import type { Matcher } from '../matcher/matcher.ts';
import type { Condition, Decision, Pipeline } from '../reconcile/ports.ts';

/** An alert that fires and that a trigger matched. */
export interface MatchedAlert {
  readonly labels: LabelSet;
  readonly annotations?: LabelText | undefined;
}

/** An alert that fires for an object, and the key of the trigger that matched it. */
export interface FiringForObject {
  readonly alert: MatchedAlert;
  readonly trigger: string;
}

/** The condition that triggers want, and what decided it. */
export interface TriggerVerdict {
  readonly condition: Required<Omit<Condition, 'lastTransitionTime'>>;
  readonly decision: Decision;
}

/** The default of `triggers.severities`, the worst first. */
export const defaultSeverities: readonly string[] = ['critical', 'error', 'warning', 'info'];

/**
 * The order of alerts, the worst first: by the label `severity` (those of the list, then others by name, then none), by name, by
 * fingerprint.
 */
export class AlertOrder {
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #fingerprints = new WeakMap<LabelSet, string>();

  constructor(severities: readonly string[] = defaultSeverities) {
    this.#ranks = new Map(severities.map((severity, rank) => [severity, rank]));
  }

  compare(a: LabelSet, b: LabelSet): number {
    return (
      this.#compareSeverities(valueOf(a, 'severity'), valueOf(b, 'severity')) ||
      compareByBytes(valueOf(a, 'alertname'), valueOf(b, 'alertname')) ||
      compareByBytes(this.#fingerprintOf(a), this.#fingerprintOf(b))
    );
  }

  /** The worse of the two. */
  worse<Item extends MatchedAlert>(a: Item | undefined, b: Item | undefined): Item | undefined {
    if (a === undefined || b === undefined) return a ?? b;
    return this.compare(b.labels, a.labels) < 0 ? b : a;
  }

  /** Of many alerts with one name and severity, each is compared with the worst. */
  #fingerprintOf(labels: LabelSet): string {
    const known = this.#fingerprints.get(labels) ?? fingerprint(labels);
    this.#fingerprints.set(labels, known);
    return known;
  }

  #compareSeverities(a: string, b: string): number {
    return a === b ? 0 : this.#rankOf(a) - this.#rankOf(b) || compareByBytes(a, b);
  }

  #rankOf(severity: string): number {
    return this.#ranks.get(severity) ?? this.#ranks.size + Number(severity === '');
  }
}

/** @param severities those of the current configuration, read each time */
export function liveOrder(severities: () => readonly string[]): () => AlertOrder {
  let known: readonly string[] | undefined;
  let order = new AlertOrder();
  return () => {
    const current = severities();
    if (current !== known) order = new AlertOrder(current);
    known = current;
    return order;
  };
}

const noAlerts = 'NoAlerts';
const unknownAlerts = 'AlertsUnknown';

/** The condition while alerts fire for the object. */
export function alertsFire(pipeline: Pipeline, type: string, { alert, trigger }: FiringForObject): TriggerVerdict {
  const finding = { reason: reasonOf(valueOf(alert.labels, 'alertname')), message: messageOf(alert) };
  return verdict(pipeline, type, 'False', finding, { by: 'alert', labels: alert.labels, trigger });
}

/** The condition while no alert fires for the object. @param triggers the keys of those that name it */
export function noAlertFires(pipeline: Pipeline, type: string, triggers: readonly string[]): TriggerVerdict {
  const finding = { reason: noAlerts, message: 'No alert fires that a trigger has for this object.' };
  return verdict(pipeline, type, 'True', finding, { by: 'no alert', triggers });
}

/** The condition while it is unknown which alerts fire. */
export function alertsUnknown(pipeline: Pipeline, type: string, error: Error): TriggerVerdict {
  const finding = { reason: unknownAlerts, message: 'Prometheus could not be asked which alerts fire.' };
  return verdict(pipeline, type, 'Unknown', finding, { by: 'failed query', error });
}

function verdict(
  { generation }: Pipeline,
  type: string,
  status: Condition['status'],
  finding: { readonly reason: string; readonly message: string },
  decision: Decision,
): TriggerVerdict {
  return { condition: { type, status, ...finding, observedGeneration: generation }, decision };
}

/** The API server takes no longer reason. */
const maxReasonLength = 1024;

/**
 * True if triggers wrote the entry. One that is False has the name of an alert as its reason, and any controller may write such a
 * one: it counts as theirs if they wrote it, or have it noted from before a restart, or know such an alert.
 * @param isAlert whether an alert of the triggers leads to the reason
 */
export function isOfTriggers(
  { status, reason }: Pick<Condition, 'status' | 'reason'>,
  { isNoted, reasons }: { readonly isNoted: boolean; readonly reasons?: ReadonlySet<string> },
  isAlert: (reason: string) => boolean,
): boolean {
  if (status === 'True') return reason === noAlerts;
  if (status === 'Unknown') return reason === unknownAlerts;
  return (isNoted && (reasons === undefined || reasons.has(reason))) || isAlert(reason);
}

/** True if the matchers name an alert that leads to the reason. Those that match any name do not. */
export function nameAlertOf(matchers: readonly Matcher[], reason: string): boolean {
  return matchers.some((matcher) => {
    const { name, type, value } = matcher;
    if (name !== 'alertname' || (type !== '=' && type !== '=~')) return false;
    if (type === '=') return reasonOf(value) === reason;
    // No alert is called so.
    return matches(matcher, { alertname: reason }) && !matches(matcher, { alertname: noAlerts });
  });
}

/** The name of an alert as the reason of a condition: letters, digits and `_`, `,` and `:` inside; a letter begins it. */
export function reasonOf(alertname: string): string {
  const allowed = alertname.replaceAll(/[^A-Za-z0-9_,:]/g, '');
  const whole = /^[A-Za-z]/.test(allowed) ? allowed : `Alert${allowed}`;
  return whole.slice(0, maxReasonLength).replace(/[,:]+$/, '');
}

/** The longest message of a condition, characters. */
const maxMessageLength = 1024;

/** What the alert says of itself: its summary, else its description, else its labels. */
export function messageOf({ labels, annotations = {} }: MatchedAlert): string {
  const texts = labelSetOf(annotations);
  const text = valueOf(texts, 'summary').trim() || valueOf(texts, 'description').trim() || labelText(labels);
  const whole = text.toWellFormed();
  if (whole.length <= maxMessageLength) return whole;
  return `${whole
    .slice(0, maxMessageLength - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

function labelText(labels: LabelSet): string {
  const { labels: brief, omitted } = briefLabelSet(labels);
  const pairs = Object.entries(brief).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${[...pairs, ...(omitted > 0 ? [`and ${omitted} more`] : [])].join(', ')}}`;
}

function valueOf(labels: LabelSet, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name]! : '';
}
