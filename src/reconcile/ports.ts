import type { FiringAlerts } from '../alert/firing-alerts.ts';
import type { Causes } from '../cause/causes.ts';
import { briefLabelSet } from '../cause/alert-cause.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { LogFields } from '../runtime/logger.ts';

/** The key of work: the object to look at, without the reason (reconcile.Request in controller-runtime). */
export interface Request {
  readonly kind: string;
  /**
   * Its API group, because two groups may have a kind of the same name. Absent for Kyma's group, the core group, and without a
   * cluster.
   */
  readonly group?: string;
  /** Absent for a cluster-scoped kind. */
  readonly namespace?: string;
  readonly name: string;
}

/** The part of a request that names its kind. */
interface KindName {
  readonly kind: string;
  readonly group?: string | undefined;
}

/** `Kind`, or `Kind.group` as kubectl writes it: the label in metrics. */
export function kindName({ kind, group }: KindName): string {
  return group === undefined ? kind : `${kind}.${group}`;
}

/**
 * One string for each request: `Kind/name` or `Kind/namespace/name`, with the group behind the kind. No part can contain a slash.
 */
export function requestKey({ kind, group, namespace, name }: Request): string {
  const scope = namespace === undefined ? '' : `/${namespace}`;
  return `${kindName({ kind, group })}${scope}/${name}`;
}

/**
 * The triggers that chose an object, by their key, each with the causes that it matched. Empty if no alert was the reason: then every
 * trigger that names the object looks at it.
 */
export type ChosenBy = ReadonlyMap<string, Causes>;

/** Nobody chose the object: the start, the periodic look, a change of the object. */
export const chosenByNobody: ChosenBy = new Map();

/** Objects that one event concerns for the same reasons. An object is in one choice of an event at most. */
export interface Choice {
  readonly requests: readonly Request[];
  /** All causes together: the union of those in `chosenBy`. */
  readonly causes: Causes;
  readonly chosenBy: ChosenBy;
}

/** The basis of a verdict. It is not the cause of the run: that is in the run's causes. */
export type Decision =
  /** This alert fires. `trigger`: the key of the trigger that it decides by. */
  | { readonly by: 'alert'; readonly labels: LabelSet; readonly trigger?: string }
  /** This alert is still pushed as firing, but Prometheus does not report it. */
  | { readonly by: 'push'; readonly labels: LabelSet }
  /** This alert is still pushed as firing, but Prometheus has not reported it for so long that Prometheus decides. */
  | { readonly by: 'end of grace'; readonly labels: LabelSet }
  /** No firing alert concerns the pipeline. `triggers`: the keys of the triggers that name the object. */
  | { readonly by: 'no alert'; readonly triggers?: readonly string[] }
  /** Prometheus has no alerting rule for the pipeline, or it is unknown which rules it has, and `prometheus.require_rules` is true. */
  | { readonly by: 'no rule' | 'unknown rules' }
  /** The trigger that wrote the condition has ended, or no longer names the object. */
  | { readonly by: 'end of trigger'; readonly trigger: string }
  /** It is unknown which alerts fire. */
  | { readonly by: 'failed query'; readonly error: Error }
  /** A condition from another writer says that alerts cannot decide. */
  | { readonly by: 'condition'; readonly type: string; readonly status: string; readonly reason: string };

/**
 * The decision as the field `decided_by` of a log line. It is always an object, so that the field has one type in an index of the
 * log.
 */
export function decidedBy(decision: Decision): { readonly decided_by: LogFields } {
  if (decision.by === 'alert') {
    const { labels, trigger } = decision;
    return { decided_by: { ...alertFields(labels), ...(trigger !== undefined && { trigger }) } };
  }
  if (decision.by === 'push' || decision.by === 'end of grace')
    return { decided_by: { ...alertFields(decision.labels), because: pushed[decision.by] } };
  const { triggers } = { triggers: undefined, ...decision };
  return { decided_by: { because: reasonOf(decision), ...(triggers !== undefined && { triggers }) } };
}

/**
 * The decision in a few words, beginning with the alert that decided. The other labels are left out: a person who may read the
 * Events of an object need not be allowed to read the labels of an alert.
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
      return decision.triggers === undefined ? 'no alert of this pipeline fires' : 'no alert of its triggers fires';
    case 'end of trigger':
      return `the trigger ${decision.trigger} has ended, or no longer names the object`;
    case 'no rule':
      return 'Prometheus has no alerting rule for this pipeline (prometheus.require_rules)';
    case 'unknown rules':
      return 'it is unknown which alerting rules Prometheus has (prometheus.require_rules)';
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

/** A change of status or reason. For a new condition, `from` and `fromReason` are empty. */
export interface ConditionTransition {
  readonly type: string;
  readonly from: Condition['status'] | '';
  /** Empty if the condition was removed. */
  readonly to: Condition['status'] | '';
  readonly fromReason: string;
  readonly reason: string;
  readonly message: string;
}

/** The parts of a pipeline that a reconcile needs. */
export interface Pipeline {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** `metadata.uid`; absent without a cluster. */
  readonly uid?: string;
  /** `metadata.generation`, 1 if absent. */
  readonly generation: number;
  /** `spec`, as in the object; {} if absent. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly conditions: readonly Condition[];
  /** Set if its conditions may be others by now: a write had no answer. Then only {@link Pipelines.updateConditions} knows them. */
  readonly isDoubtful?: true;
}

/** A pipeline that was added or deleted, or that has to be looked at for another reason than an alert. */
export interface PipelineChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly request: Request;
}

/**
 * Gets the current conditions and returns the desired ones; undefined if there is nothing to write. It has to be pure: after a
 * conflict, a home calls it again with the conditions that it has read again.
 */
export type ConditionChange = (current: readonly Condition[]) => readonly Condition[] | undefined;

/** The home of pipelines: a cluster or a folder. */
export interface Pipelines {
  /** Every known pipeline, from memory. */
  list(): readonly Request[];
  /** One pipeline, from memory; undefined if it does not exist. */
  get(request: Request): Pipeline | undefined;
  /**
   * Writes `status.conditions`. True if something was written: the last result of `change`. False if there was nothing to write
   * or the pipeline no longer exists. Rejects if it cannot write, with PostponedError if it knows when to try again.
   */
  updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean>;
}

/**
 * Gets every change of a condition's status or reason that was written. A home with no place for such records has no recorder.
 */
export interface TransitionRecorder {
  /** Returns at once and never throws: the reconcile does not depend on the result. */
  record(pipeline: Pipeline, transition: ConditionTransition, decision: Decision): void;
}

/** Hears every verdict, whether it changed the condition or not. Both calls return at once and never throw. */
export interface VerdictObserver {
  reached(request: Request, condition: Pick<Condition, 'status' | 'reason' | 'message'>, decision: Decision): void;
  /** The pipeline no longer exists. */
  gone(request: Request): void;
}

/** Sets annotations on the object itself. Only a home whose objects another operator watches has an annotator. */
export interface Annotator {
  /**
   * False if the object no longer exists. Rejects as `updateConditions` does.
   * @param on `podTemplate`: those of `spec.template`, so that the pods are replaced. Default: the object
   */
  annotate(
    request: Request,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
    on?: 'object' | 'podTemplate',
  ): Promise<boolean>;
}

/** The alerts that fire at one moment. */
export interface AlertSnapshot {
  /** The time of the question, not of the answer, milliseconds. */
  readonly takenAt: number;
  /** The id of the query, as in the log; undefined without Prometheus. */
  readonly queryId?: string | undefined;
  readonly firing: FiringAlerts;
}

/** The pushed alerts, if Prometheus decides. */
export interface PushedAlerts {
  /** `prometheus.heal_grace`: the longest time that they may keep a verdict, milliseconds. */
  readonly graceMs: number;
  /** The pushed alerts that fire at a moment after `notBefore`. Rejects with the signal's reason. */
  snapshot(notBefore: number, signal: AbortSignal): Promise<AlertSnapshot>;
}

/** The alerting rules that Prometheus has loaded. */
export interface LoadedRules {
  /** Each rule as the alert that it would fire; undefined if they are unknown. Rejects only with the signal's reason. */
  asAlerts(signal: AbortSignal): Promise<FiringAlerts | undefined>;
}

/** The source that decides which alerts fire: Prometheus if it is configured, else the receiver's own store. */
export interface AlertSource {
  /** False if the pushed alerts decide themselves, so that none of them can be missing. */
  readonly pulls: boolean;
  /** Undefined if the pushed alerts decide themselves, or may not keep any verdict. */
  readonly pushed?: PushedAlerts | undefined;
  /**
   * A snapshot that was asked for at `notBefore` or later.
   * @param notBefore the time of the newest cause of the request, milliseconds
   * @param requestIds named in the log if a query is necessary. Rejects with SnapshotError if there is no answer, or with the
   * signal's reason.
   */
  snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot>;
}

/**
 * The effect of a reconcile on a pipeline (`controller.action`): `condition` writes the meaning of the alerts into its status,
 * `annotate` sets annotations that wake another operator, and `log` works like `condition` but writes nothing.
 */
export type ActionName = 'condition' | 'annotate' | 'log';

/** One run of a reconcile. */
export interface Run {
  /** Identifies it in the log. */
  readonly id: string;
  readonly request: Request;
  /** The pipeline as it was when the run began. */
  readonly pipeline: Pipeline;
  readonly causes: Causes;
  /** Default: nobody. */
  readonly chosenBy?: ChosenBy;
  readonly signal: AbortSignal;
}

/** Does for one pipeline what {@link ActionName} says; rejects if it cannot. */
export interface Action {
  perform(run: Run): Promise<Result>;
}

/** The result of a reconcile that succeeded. */
export interface Result {
  /** `gone`: the pipeline no longer exists. */
  readonly outcome: 'changed' | 'unchanged' | 'gone';
  /** The time until the next look if nothing happens, milliseconds; undefined: not until something happens. */
  readonly requeueAfterMs?: number;
  /** The basis of the verdict; undefined if the action gives no verdict. */
  readonly decision?: Decision;
  /**
   * How long the verdict has been kept only because an alert is still pushed as firing, milliseconds; undefined if that is not
   * the reason.
   */
  readonly heldForMs?: number;
  /** The id of the Prometheus query behind it, as in the log; undefined if there was none. */
  readonly queryId?: string;
  /** What was not done for a trigger, because it has done enough to the object, and until when, milliseconds since the epoch. */
  readonly throttled?: readonly { readonly trigger: string; readonly retryAt: number }[];
  /** The types of conditions that triggers want and that were not written, because another controller keeps them. */
  readonly foreignConditions?: readonly string[];
  /** True if there is nothing to decide, because the kind has no health rules. */
  readonly hasNoRule?: true;
  /** The names of alerts that were pushed as firing but that Prometheus does not report. */
  readonly notInPrometheus: readonly string[];
}
