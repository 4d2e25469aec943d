import { showValue } from '../config/settings/show-value.ts';
import { dnsLabelRule, dnsSubdomainRule, isDnsLabel, isDnsSubdomain } from '../text/kubernetes.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { LabelSelector, OwnerTarget, Target, Template, TemplateData, Trigger } from './trigger.ts';

/** A target of a trigger for one alert: its names are rendered, and nothing has been looked up. */
export type ResolvedTarget = ResolvedName | ResolvedSelector | ResolvedOwner;

interface ResolvedKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent: a cluster-scoped object, or with a selector every namespace. */
  readonly namespace?: string;
}

export interface ResolvedName extends ResolvedKind {
  readonly by: 'name';
  readonly name: string;
}

export interface ResolvedSelector extends ResolvedKind {
  readonly by: 'selector';
  readonly selector: LabelSelector;
}

export interface ResolvedOwner {
  readonly by: 'owner';
  readonly namespace: string;
  readonly pod: string;
  /** Absent: the top of the owner references. */
  readonly kind?: string;
}

/** A target that hits nothing for this alert. The problem is for the owner of the trigger. */
export interface Unresolved {
  readonly by: 'none';
  readonly problem: string;
}

/** What a trigger does with one alert. */
export interface Chosen {
  readonly trigger: Trigger;
  /** In the order of the trigger's targets. */
  readonly targets: readonly (ResolvedTarget | Unresolved)[];
}

/** The triggers that an alert wakes, each with its targets. */
export function choose(triggers: TriggerIndex, alert: TemplateData): readonly Chosen[] {
  return triggers.matching(alert.labels).map((trigger) => ({ trigger, targets: resolveTargets(trigger, alert) }));
}

export function resolveTargets(trigger: Trigger, alert: TemplateData): readonly (ResolvedTarget | Unresolved)[] {
  return trigger.targets.map((target) => resolveTarget(trigger, target, alert));
}

/** The values of an alert come from outside: what is no name of Kubernetes would be a path in a URL. */
export function resolveTarget(trigger: Trigger, target: Target, alert: TemplateData): ResolvedTarget | Unresolved {
  try {
    const namespace = namespaceOf(trigger, target, alert);
    if (target.by === 'owner') return resolveOwner(trigger, target, { namespace, alert });
    const { apiVersion, kind } = target;
    const where = namespace === undefined ? { apiVersion, kind } : { apiVersion, kind, namespace };
    if (target.by === 'selector') return { by: 'selector', ...where, selector: target.selector };
    return { by: 'name', ...where, name: renderObject(target.name, alert, kind) };
  } catch (error) {
    if (error instanceof NoName) return { by: 'none', problem: error.message };
    throw error;
  }
}

/** A target without a namespace is in that of the trigger. */
function namespaceOf(trigger: Trigger, target: Target, alert: TemplateData): string | undefined {
  if (target.namespace === undefined) return trigger.namespace;
  const namespace = target.namespace.render(alert);
  if (isDnsLabel(namespace)) return namespace;
  throw new NoName(target.namespace, namespace, `a namespace: allowed is ${dnsLabelRule}`);
}

interface Place {
  readonly namespace: string | undefined;
  readonly alert: TemplateData;
}

/** What owns a pod of another namespace is not even asked: the answer would say which objects there are. */
function resolveOwner(trigger: Trigger, target: OwnerTarget, { namespace, alert }: Place): ResolvedOwner | Unresolved {
  if (namespace === undefined) return { by: 'none', problem: 'it is unknown in which namespace the pod is' };
  if (trigger.namespace !== undefined && namespace !== trigger.namespace)
    return { by: 'none', problem: foreignPod(trigger.namespace, namespace) };
  const pod = renderObject(target.pod, alert, 'Pod');
  return { by: 'owner', namespace, pod, ...(target.kind !== undefined && { kind: target.kind }) };
}

/** The reason why a trigger of a namespace does not ask what owns a pod of another one. */
export function foreignPod(own: string, namespace: string): string {
  return `the pod is in the namespace ${namespace}, and a trigger of ${own} may only ask what owns a pod of ${own}`;
}

function renderObject(template: Template, alert: TemplateData, kind: string): string {
  const name = template.render(alert);
  if (isDnsSubdomain(name)) return name;
  throw new NoName(template, name, `a ${kind}: allowed is ${dnsSubdomainRule}`);
}

/** A template gave something that cannot be a name. */
class NoName extends Error {
  constructor({ text }: Template, found: string, of: string) {
    const given = found === '' ? 'nothing' : showValue(found);
    super(`${showValue(text)} gives ${given}, which is no name of ${of}`);
  }
}
