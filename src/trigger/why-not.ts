import { matches } from './alert-matchers.ts';
import { resolveTargets, type ResolvedTarget, type Unresolved } from './choose.ts';
import { annotationValue } from './template.ts';
import type { LabelSelector, Target, TemplateData, Trigger, TriggerAction } from './trigger.ts';

/** What keeps a trigger that matches from acting. */
export const heldWords = ['throttled', 'observed', 'suspended', 'opted_out', 'inhibited'] as const;
export type Held = (typeof heldWords)[number];

/** What a trigger would do with an alert, or why nothing. */
export type TriggerVerdict =
  | { readonly trigger: Trigger; readonly matches: false; /** The first that fails. */ readonly failedMatcher: string }
  | {
      readonly trigger: Trigger;
      readonly matches: true;
      readonly targets: readonly (ResolvedTarget | Unresolved)[];
      readonly action: string;
      /** Absent if it would act. Whether it is throttled is known only object by object. */
      readonly held?: 'suspended' | 'observed';
    };

/** @param now milliseconds since the epoch */
export function whyNot(trigger: Trigger, alert: TemplateData, now: number): TriggerVerdict {
  const failed = trigger.matchers.find((matcher) => !matches(matcher, alert.labels));
  if (failed !== undefined) return { trigger, matches: false, failedMatcher: String(failed) };
  const held = heldNow(trigger, now);
  const targets = resolveTargets(trigger, alert);
  const action = actionText(trigger.action, alert);
  return { trigger, matches: true, targets, action, ...(held !== undefined && { held }) };
}

/** Whether a trigger does nothing now, whatever fires. @param now milliseconds since the epoch */
export function heldNow({ suspend, mode }: Trigger, now: number): 'suspended' | 'observed' | undefined {
  if (suspend !== undefined && now < (suspend.until ?? Number.POSITIVE_INFINITY)) return 'suspended';
  return mode === 'observe' ? 'observed' : undefined;
}

/** An action in words. Without an alert, a template stands as it was written. */
export function actionText(action: TriggerAction, alert?: TemplateData): string {
  switch (action.do) {
    case 'condition':
      return action.type === undefined
        ? 'write the condition of the health rules'
        : `write the condition ${action.type}`;
    case 'annotate': {
      const value = alert === undefined ? action.value.text : annotationValue(action.value, alert);
      return `set the annotation ${action.key}: ${value}${action.on === 'podTemplate' ? ' of the pod template' : ''}`;
    }
    case 'log':
      return 'log';
  }
}

/** A target in one line, as kubectl would name it. */
export function targetText(target: ResolvedTarget | Unresolved): string {
  if (target.by === 'none') return `nothing: ${target.problem}`;
  if (target.by === 'owner')
    return `${target.kind ?? 'top'} owner of pod ${target.pod} in namespace ${target.namespace}`;
  const place = target.namespace === undefined ? '' : ` in namespace ${target.namespace}`;
  const { apiVersion, kind } = target;
  if (target.by === 'name') return `${kind} ${target.name}${place} (${apiVersion})`;
  return `every ${kind}${selectorText(target.selector)}${place} (${apiVersion})`;
}

/** A target as it stands in the trigger, without an alert. */
export function declaredText(target: Target): string {
  const place = target.namespace === undefined ? '' : ` in namespace ${target.namespace.text}`;
  if (target.by === 'owner') return `${target.kind ?? 'top'} owner of pod ${target.pod.text}${place}`;
  const { apiVersion, kind } = target;
  if (target.by === 'name') return `${kind} ${target.name.text}${place} (${apiVersion})`;
  return `every ${kind}${selectorText(target.selector)}${place} (${apiVersion})`;
}

function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) =>
    values.length === 0 ? `${key} ${operator}` : `${key} ${operator} (${values.join(', ')})`,
  );
  const parts = [...equal, ...others];
  return parts.length === 0 ? '' : ` with ${parts.join(', ')}`;
}
