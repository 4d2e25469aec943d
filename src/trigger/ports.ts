import type { Causes } from '../cause/causes.ts';
import type { Condition, Pipeline, Request } from '../reconcile/ports.ts';
import type { LabelSelector, Trigger } from './trigger.ts';

/** The objects of one kind that triggers need to be known. */
export interface ObjectNeed {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent: every namespace, or the kind is cluster-scoped. */
  readonly namespace?: string;
  /** `none`: only its path; `metadata`: names and labels; `conditions`: its `status.conditions` too. */
  readonly of: 'none' | 'metadata' | 'conditions';
}

/** Whether the objects of a need are known. */
export type NeedState =
  | { readonly state: 'known' | 'pending' }
  | {
      readonly state: 'unavailable';
      readonly reason: 'NotInstalled' | 'Forbidden' | 'NoStatus' | 'Failed';
      /** For the owner of the trigger: what is wrong and what to do. */
      readonly message: string;
      /** The rule of RBAC that is missing. */
      readonly missingRule?: PolicyRule;
    };

/** A rule of a Kubernetes Role. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** An object that a trigger may choose; labels are those of the object. */
export interface TargetObject {
  readonly request: Request;
  readonly pipeline: Pipeline;
  readonly labels: Readonly<Record<string, string>>;
  /** True if only its name is known: its labels and conditions are not, and perhaps it is not there. */
  readonly isUnlisted?: boolean;
}

/** What owns a pod. */
export type OwnerAnswer =
  /** `fromMemory`: the pod, or an owner between, is gone or cannot be read, and this is what was known of it. */
  | { readonly owner: TargetObject; readonly fromMemory: boolean }
  /** The reason is for the owner of the trigger. */
  | { readonly owner: undefined; readonly reason: string };

/**
 * The objects that triggers may choose, wherever they live: a cluster or a folder. The home of pipelines offers it as `targets`. Its
 * `updateConditions` and its annotator take the requests of targets as well as those of pipelines.
 */
export interface TargetObjects {
  /** Says everything that all triggers need from now on. Watches come and go with it. */
  require(needs: readonly ObjectNeed[]): void;
  stateOf(need: ObjectNeed): NeedState;
  /** Called when the state of a need, or an object that is known, changes. */
  onChange(listener: (change: ObjectChange) => void): void;
  /** The request for an object of this kind; undefined while its kind is unknown. A cluster-scoped kind drops the namespace. */
  requestOf(apiVersion: string, kind: string, namespace: string | undefined, name: string): Request | undefined;
  /** The known objects of a kind; needs a need of `metadata` or more. */
  select(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    selector: LabelSelector,
  ): readonly TargetObject[];
  /** Of a kind with the need `none`, an object about which nothing is known but its name. */
  get(request: Request): TargetObject | undefined;
  /**
   * Asks who wrote a condition of an object; undefined if nobody knows. Absent where nobody else writes. Rejects with the signal's
   * reason only.
   */
  authorOf?(
    request: Request,
    condition: Pick<Condition, 'type' | 'reason'>,
    signal: AbortSignal,
  ): Promise<ConditionAuthor | undefined>;
  /** Asks what owns a pod. Rejects with the signal's reason only. */
  ownerOf(namespace: string, pod: string, kind: string | undefined, signal: AbortSignal): Promise<OwnerAnswer>;
}

/** The writer of a condition: Tocsin, or somebody else. */
export type ConditionAuthor = 'own' | 'other';

export interface ObjectChange {
  readonly kind: 'added' | 'changed' | 'removed' | 'state';
  /** Absent for a `state`. */
  readonly request?: Request;
}

/** The triggers that are in force. */
export interface Triggers {
  readonly all: Iterable<Trigger>;
  get(key: string): Trigger | undefined;
}

/** An object to which a trigger does something; without a cluster it has no uid, and its request stands for it. */
export interface GuardedObject {
  readonly request: Request;
  readonly uid?: string | undefined;
}

/** Paces what triggers do to objects: their least interval and their budget. */
export interface RunGuard {
  /**
   * Asked before a run does anything to an object for a trigger. If the trigger has done enough to it, the run is parked: its causes
   * are kept, and it is made when its slot comes. Never rejects.
   */
  admit(trigger: Trigger, object: GuardedObject, causes: Causes): Promise<Admission>;
  /** A run for the trigger found nothing to do, without asking: none waits for it any more. Cheap. */
  unnecessary(trigger: Trigger, object: GuardedObject): void;
  /** The object does not exist any more: no run waits for it. Cheap. */
  gone(request: Request): void;
}

export type Admission =
  | { readonly allowed: true; readonly permit: RunPermit }
  /** The run is parked until then, milliseconds since the epoch; its result is `throttled`. */
  | { readonly allowed: false; readonly retryAt: number };

export interface RunPermit {
  /** Those of the run, with those of the runs that waited and are made with it. */
  readonly causes: Causes;
  /**
   * Call it before the write, and not for a run that writes nothing: it counts, and is on the disk when the promise resolves. Never
   * rejects.
   */
  spend(): Promise<void>;
  /**
   * Call it once when the run has ended. `nothing` gives back what was counted; `failed` keeps it, because the write may have been
   * made, and the retry counts together with it.
   */
  end(result: 'written' | 'nothing' | 'failed'): void;
}

/** A condition that a trigger has written into an object. */
export interface WrittenCondition {
  /** The key of the trigger. */
  readonly trigger: string;
  readonly request: Request;
  /** Of the object, so that its kind is found again when no trigger names it. */
  readonly apiVersion: string;
  readonly type: string;
}

/** Remembers, beyond the process, where entries have to be removed when a trigger ends. */
export interface WrittenConditions {
  all(): Iterable<WrittenCondition>;
  /** Call it before the first write. It is on the disk when the promise resolves; cheap if it is known already. Never rejects. */
  note(condition: WrittenCondition): Promise<void>;
  /** Call it when the entry is gone, or the object is. The reasons go with the last condition of the type. */
  forget(condition: WrittenCondition): void;
  /** The newest reasons of an entry that is noted; undefined if none is known. */
  reasonsOf(request: Request, type: string): ReadonlySet<string> | undefined;
  /** The entry has the reason, or is about to get it. As {@link note}; of an entry that is not noted, nothing is kept. */
  noteReason(request: Request, type: string, reason: string): Promise<void>;
}

/** Takes the triggers that live in the cluster's API, each when it comes, changes or goes. Returns at once and never throws. */
export interface TriggerSink {
  /**
   * @param trigger undefined: there is none of this key in force (any more). A trigger that is the same as before may be given again.
   * @param seenAt when the API server told of the change, milliseconds since the epoch; default: now
   */
  setCluster(key: string, trigger: Trigger | undefined, seenAt?: number): void;
}

/** Hears what becomes of triggers, by their keys. Its calls return at once and never throw. */
export interface TriggerObserver {
  /** An event woke the trigger. */
  fired(key: string, firing: TriggerFiring): void;
  /** Alerts matched and woke nothing: they are silenced or inhibited, or the trigger is suspended. */
  suppressed(key: string, alerts: number): void;
  /** A run for one object ended, or would have been made in the mode `observe`; `throttled`: it waits for its slot. */
  ran(key: string, outcome: 'done' | 'failed' | 'throttled'): void;
  /** {@link TriggerStates} may say something else of it. */
  changed(key: string): void;
}

export interface TriggerFiring {
  /** The `alertname` of the newest alert that matched. */
  readonly alert: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly eventId: string;
  /** How many alerts matched. */
  readonly alerts: number;
}

/** Says what is known of the triggers in force. */
export interface TriggerStates {
  stateOf(key: string): TriggerState;
}

export interface TriggerState {
  /** The needs of its targets that are not fulfilled, each once; empty: every target can be found and written. */
  readonly unavailable: readonly Extract<NeedState, { state: 'unavailable' }>[];
  /** True while the objects of a target are not known yet. */
  readonly isPending: boolean;
  /** Why it may not wake what it names whatever fires. One sentence each. */
  readonly refused?: readonly string[];
  /** Templates that gave no valid name lately, and such: nothing that makes it not ready. One sentence each. */
  readonly notes: readonly string[];
  /** The alert that inhibits it now; undefined if none does. */
  readonly inhibitedBy?: string | undefined;
  /** Runs that wait, and until when at the latest, milliseconds since the epoch; undefined if none waits. */
  readonly throttled?: { readonly runs: number; readonly until: number } | undefined;
}
