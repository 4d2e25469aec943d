import type { FiringAlerts } from '../alert/firing-alerts.ts';
import type { Causes } from '../cause/causes.ts';
import { briefLabelSet } from '../cause/alert-cause.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { LogFields } from '../runtime/logger.ts';

/** The key of work: which object to look at, and nothing about why (reconcile.Request in controller-runtime). */
export interface Request {
  readonly kind: string;
  /** Its API group, since two may have a kind of the same name; absent for Kyma's, the core group, and where there is no cluster. */
  readonly group?: string;
  /** Absent for a cluster-scoped kind. */
  readonly namespace?: string;
  readonly name: string;
}

/** Of a request, the part that says what it is. */
interface KindName {
  readonly kind: string;
  readonly group?: string | undefined;
}

/** `Kind`, or `Kind.group` as kubectl takes it: what a metric is labelled with. */
export function kindName({ kind, group }: KindName): string {
  return group === undefined ? kind : `${kind}.${group}`;
}

/** One string for each request: `Kind/name` or `Kind/namespace/name`, with the group behind the kind. No part can hold a slash. */
export function requestKey({ kind, group, namespace, name }: Request): string {
  const scope = namespace === undefined ? '' : `/${namespace}`;
  return `${kindName({ kind, group })}${scope}/${name}`;
}

/** What a verdict rests on. That is another question than what woke the run: those are its causes. */
export type Decision =
  /** This alert fires. */
  | { readonly by: 'alert'; readonly labels: LabelSet }
  /** This alert is still pushed as firing, though Prometheus does not report it. */
  | { readonly by: 'push'; readonly labels: LabelSet }
  /** This alert is still pushed as firing, but Prometheus did not report it for so long that its answers win. */
  | { readonly by: 'end of grace'; readonly labels: LabelSet }
  /** No alert fires that concerns the pipeline. */
  | { readonly by: 'no alert' }
  /** It cannot be known which alerts fire. */
  | { readonly by: 'failed query'; readonly error: Error }
  /** A condition that somebody else wrote says that alerts can tell nothing. */
  | { readonly by: 'condition'; readonly type: string; readonly status: string; readonly reason: string };

/** The decision as the field `decided_by` of a log line. It is always an object, so that whoever indexes the log gets one type. */
export function decidedBy(decision: Decision): { readonly decided_by: LogFields } {
  if (decision.by === 'alert') return { decided_by: alertFields(decision.labels) };
  if (decision.by === 'push' || decision.by === 'end of grace')
    return { decided_by: { ...alertFields(decision.labels), because: pushed[decision.by] } };
  return { decided_by: { because: reasonOf(decision) } };
}

/**
 * The decision in a few words, which begin with the alert that decided. Its other labels are left out: whoever may read an
 * object's Events need not be allowed to read what an alert says.
 */
export function decisionText(decision: Decision): string {
  if (decision.by === 'failed query') return unanswered;
  if (decision.by === 'push' || decision.by === 'end of grace')
    return `${nameOf(decision.labels)} ${pushed[decision.by]}`;
  return decision.by === 'alert' ? `${nameOf(decision.labels)} firing` : reasonOf(decision);
}

const stillPushed = 'still pushed as firing';
const pushed = {
  push: stillPushed,
  'end of grace': `${stillPushed}, but Prometheus has not reported it for prometheus.heal_grace`,
};
const unanswered = 'Prometheus could not be asked';

function alertFields(labels: LabelSet): LogFields {
  const { labels: brief, omitted } = briefLabelSet(labels);
  return { alertname: nameOf(labels), labels: brief, ...(omitted > 0 && { omitted_labels: omitted }) };
}

function reasonOf(decision: Exclude<Decision, { by: 'alert' | 'push' | 'end of grace' }>): string {
  switch (decision.by) {
    case 'no alert':
      return 'no alert of this pipeline fires';
    case 'failed query':
      return `${unanswered}: ${decision.error.message}`;
    case 'condition':
      return `${decision.type} is ${decision.status} (${decision.reason})`;
  }
}

function nameOf(labels: LabelSet): string {
  return labels['alertname'] ?? '(no alertname)';
}

/** metav1.Condition; times are RFC 3339 with whole seconds. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** A change of status or reason. Where the condition is new, `from` and `fromReason` are empty. */
export interface ConditionTransition {
  readonly type: string;
  readonly from: Condition['status'] | '';
  readonly to: Condition['status'];
  readonly fromReason: string;
  readonly reason: string;
  readonly message: string;
}

/** What a reconcile needs to know of a pipeline. */
export interface Pipeline {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** `metadata.uid`; absent where there is no cluster. */
  readonly uid?: string;
  /** `metadata.generation`, 1 if absent. */
  readonly generation: number;
  /** `spec`, as it stands in the object; {} if absent. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly conditions: readonly Condition[];
}

/** A pipeline that came, went, or has to be looked at for another reason than an alert. */
export interface PipelineChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly request: Request;
}

/**
 * Given the conditions as they are now, the conditions that should be; undefined if nothing is to be written.
 * Pure: a home calls it again after a conflict, with what it has read anew.
 */
export type ConditionChange = (current: readonly Condition[]) => readonly Condition[] | undefined;

/** Where pipelines live: a cluster or a folder. */
export interface Pipelines {
  /** Every pipeline known now, from memory. */
  list(): readonly Request[];
  /** One pipeline from memory; undefined when it is gone. */
  get(request: Request): Pipeline | undefined;
  /**
   * Writes `status.conditions`. True if something was written: the last that `change` returned. False if there was nothing
   * to write or the pipeline is gone. Rejects when it cannot be written, with PostponedError if it knows when to try again.
   */
  updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean>;
}

/** Told of every change of a condition's status or reason that was written. A home without a place for it has none. */
export interface TransitionRecorder {
  /** Returns at once and never throws: what becomes of it is no part of the reconcile. */
  record(pipeline: Pipeline, transition: ConditionTransition, decision: Decision): void;
}

/** Sets annotations on the object itself. Only a home whose objects another operator watches has one. */
export interface Annotator {
  /** False if the pipeline is gone. Rejects as `updateConditions` does. */
  annotate(request: Request, annotations: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean>;
}

/** Which alerts fire, at one moment. */
export interface AlertSnapshot {
  /** When it was asked for (not when the answer came), milliseconds. */
  readonly takenAt: number;
  /** The query that it answers, as the log names it; undefined where Prometheus is not asked. */
  readonly queryId?: string | undefined;
  readonly firing: FiringAlerts;
}

/** The alerts that were pushed, where Prometheus is the truth. */
export interface PushedAlerts {
  /** `prometheus.heal_grace`: how long they may keep a verdict, milliseconds. */
  readonly graceMs: number;
  /** Those that fire, as of later than `notBefore`. Rejects with the signal's reason. */
  snapshot(notBefore: number, signal: AbortSignal): Promise<AlertSnapshot>;
}

/** The truth about alerts: Prometheus where one is configured, the receiver's own store otherwise. */
export interface AlertSource {
  /** False if the pushed alerts themselves are the truth, so that a pushed alert cannot be missing from it. */
  readonly pulls: boolean;
  /** Undefined if they are the truth themselves, or are not to keep any verdict. */
  readonly pushed?: PushedAlerts | undefined;
  /**
   * A snapshot that was asked for at `notBefore` or later.
   * @param notBefore milliseconds; the newest cause of the request that it is for
   * @param requestIds whom to name in the log if a query has to be made
   * Rejects with SnapshotError when the truth cannot be had, or with the signal's reason.
   */
  snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot>;
}

/**
 * What a reconcile does with a pipeline (`controller.action`): `condition` writes what the alerts mean into its status,
 * `annotate` sets annotations that wake up another operator, `log` goes the way of `condition` and writes nothing.
 */
export type ActionName = 'condition' | 'annotate' | 'log';

/** One run of a reconcile. */
export interface Run {
  /** Names it in the log. */
  readonly id: string;
  readonly request: Request;
  /** As it was when the run began. */
  readonly pipeline: Pipeline;
  readonly causes: Causes;
  readonly signal: AbortSignal;
}

/** Does for one pipeline what {@link ActionName} says; rejects with what keeps it from doing so. */
export interface Action {
  perform(run: Run): Promise<Result>;
}

/** How a reconcile went that came through. */
export interface Result {
  /** `gone`: there is no such pipeline any more. */
  readonly outcome: 'changed' | 'unchanged' | 'gone';
  /** Look again after this long, whatever happens, milliseconds; undefined: not until something happens. */
  readonly requeueAfterMs?: number;
  /** What the verdict rests on; undefined where the action gives none. */
  readonly decision?: Decision;
  /** How long the verdict has been kept only because an alert is still pushed as firing, milliseconds; undefined: it is not. */
  readonly heldForMs?: number;
  /** The query of Prometheus that it rests on, as the log names it; undefined where none was asked. */
  readonly queryId?: string;
  /** True if there is nothing to decide, for there are no health rules for the kind. */
  readonly hasNoRule?: true;
  /** Names of alerts that were pushed as firing and that Prometheus does not report. */
  readonly notInPrometheus: readonly string[];
}
