import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import { alertsByReason } from '../health/flow-health.ts';
import type { ActionName, Pipeline, Pipelines, Request } from '../reconcile/ports.ts';
import type { AlertingRule } from '../reconcile/server-facts.ts';
import { requestMappers, type Select } from '../source/request-mapper.ts';

/** The part of the configuration that says which alerts mean something. */
export interface RuleScope {
  /** `controller.action` */
  readonly action: ActionName;
  /** `source.select` */
  readonly select: Select;
}

/** The alert that a rule would fire, as far as the rule says. A label whose value is a template may have any value, so it is absent. */
function alertOf({ name, labels }: AlertingRule): LabelSet {
  const fixed = Object.entries(labels).filter(([, value]) => value !== '' && !value.includes('{{'));
  return Object.fromEntries([...fixed, ['alertname', name]]);
}

export function alertsOf(rules: readonly AlertingRule[]): FiringAlerts {
  return FiringAlerts.of(rules.map(alertOf));
}

/** True if one of these alerts could make the pipeline unhealthy. `loaded` comes from {@link alertsOf}. */
export function canFail(pipeline: Pipeline, loaded: FiringAlerts): boolean {
  return alertsByReason(pipeline, loaded).size > 0;
}

/**
 * True if one of the rules concerns a pipeline: the health rules wait for its alert, or its label `pipeline_name` names a pipeline.
 * The action `annotate` has no health rules: there, the rules concern a pipeline whose alerts would select one.
 */
export function concernAny(
  rules: readonly AlertingRule[],
  pipelines: Pick<Pipelines, 'list' | 'get'>,
  { action, select }: RuleScope,
): boolean {
  const requests = pipelines.list();
  if (action === 'annotate') return rules.some((rule) => selectsAny(rule, requests, select));
  const loaded = alertsOf(rules);
  const isWaitedFor = requests.some((request) => {
    const pipeline = pipelines.get(request);
    return pipeline !== undefined && canFail(pipeline, loaded);
  });
  return (
    isWaitedFor ||
    rules.some((rule) => Object.hasOwn(rule.labels, 'pipeline_name') && selectsAny(rule, requests, 'labels'))
  );
}

/** True if the alert of the rule would select one of the pipelines. */
export function selectsAny(rule: AlertingRule, pipelines: readonly Request[], by: Select): boolean {
  const causes = new Causes();
  causes.addAlert('', { labels: alertOf(rule) }, 'firing', 0);
  return requestMappers[by](causes, pipelines).length > 0;
}
