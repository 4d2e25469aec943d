import type { Matcher } from '../matcher/matcher.ts';
import type { LabelSet } from '../alert/labels.ts';

/** Where a trigger was read from: the configuration file, the admin's resource, or a team's. */
export type TriggerOrigin = 'file' | 'ClusterAlertTrigger' | 'AlertTrigger';

export interface TriggerName {
  readonly origin: TriggerOrigin;
  /** Absent for a ClusterAlertTrigger, and for a trigger of the file that names no namespace. */
  readonly namespace?: string;
  readonly name: string;
}

/** The key of the trigger that is there when there is no other: `source.select` and `controller.action`. */
export const defaultTrigger = 'default';

/** One text for each trigger, as kubectl would name it: `alerttrigger/shop/orders-db`, `clusteralerttrigger/all`, `file/all`. */
export function triggerKey({ origin, namespace, name }: TriggerName): string {
  const scope = namespace === undefined ? '' : `${namespace}/`;
  return `${origin.toLowerCase()}/${scope}${name}`;
}

/** Which alerts wake which objects, and what is done then. It is compiled: nothing in it can fail. */
export interface Trigger extends TriggerName {
  readonly key: string;
  /** `metadata.generation`; 0 for a trigger of the file. */
  readonly generation: number;
  /** The enforced namespace; absent if the trigger sees the alerts of every namespace. */
  readonly scope?: Matcher;
  /** All have to match. The enforced namespace is the first of them. */
  readonly matchers: readonly Matcher[];
  readonly inhibitedBy: readonly Inhibition[];
  readonly targets: readonly Target[];
  readonly action: TriggerAction;
  /** The least time between two runs for one object, milliseconds, raised to the admin's floor. 0: none. */
  readonly minIntervalMs: number;
  readonly budget?: Budget;
  /** `observe`: it decides and tells, and does nothing. */
  readonly mode: 'enforce' | 'observe';
  readonly suspend?: Suspension;
}

/** While an alert fires that matches, the trigger's alerts with the same values of `equal` wake nothing. */
export interface Inhibition {
  /** Without the scope of the namespace: a source may also be an alert of the platform. */
  readonly matchers: readonly Matcher[];
  readonly equal: readonly string[];
}

/** At most so many runs in any window of this length, for each object. */
export interface Budget {
  readonly runs: number;
  readonly perMs: number;
}

export interface Suspension {
  readonly reason: string;
  /** Milliseconds since the epoch; absent: until it is taken out. */
  readonly until?: number;
}

/** The objects that a trigger wakes. */
export type Target = NamedTarget | SelectedTarget | OwnerTarget;

interface TargetKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent: the namespace of the trigger; without one, a cluster-scoped object, or with a selector every namespace. */
  readonly namespace?: Template;
}

export interface NamedTarget extends TargetKind {
  readonly by: 'name';
  readonly name: Template;
}

export interface SelectedTarget extends TargetKind {
  readonly by: 'selector';
  readonly selector: LabelSelector;
}

/** What owns a pod: the top of its owner references, or the first owner of this kind. */
export interface OwnerTarget {
  readonly by: 'owner';
  readonly namespace?: Template;
  readonly pod: Template;
  readonly kind?: string;
}

/** metav1.LabelSelector. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/** The condition of the health rules, which a trigger without a type writes into Kyma's kinds. */
export const healthType = 'TelemetryFlowHealthy';

/** The effect of a trigger on an object. */
export type TriggerAction =
  /** Without a type: the health rules of Kyma's kinds. */
  | { readonly do: 'condition'; readonly type?: string }
  /** `podTemplate`: the annotation is one of the pod template, so that the pods are restarted. */
  | { readonly do: 'annotate'; readonly key: string; readonly value: Template; readonly on: 'object' | 'podTemplate' }
  | { readonly do: 'log' };

/** The values that a template may name. */
export interface TemplateData {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  /** The newest alert's time, milliseconds since the epoch. */
  readonly now: number;
}

/** A compiled text with places such as `{{ labels.pod }}`. */
export interface Template {
  /** As it was written. */
  readonly text: string;
  /** True if it is the same text for every alert. */
  readonly isFixed: boolean;
  /** The text for one alert; a label that is absent is the empty text. */
  readonly render: (data: TemplateData) => string;
}
