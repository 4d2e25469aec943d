import type { FiringAlerts } from '../alert/firing-alerts.ts';
import type { DesiredCondition } from './conditions.ts';
import { type Flavour, flavourOf, probedComponents } from './flavour.ts';
import { type AlertRule, type Finding, healthRules, severities } from './health-rules.ts';
import type { Condition, Pipeline } from './ports.ts';
import { TerminalError } from './terminal-error.ts';

/**
 * What the alerts that fire say about a pipeline's flow of data: the worst problem that concerns it, or that there is
 * none. Throws TerminalError for a kind without health rules.
 */
export function flowHealth(pipeline: Pipeline, firing: FiringAlerts): DesiredCondition {
  const flavour = flavourOf(pipeline);
  if (flavour === undefined) throw withoutRules(pipeline);
  const problem = rulesWorstFirst(pipeline, flavour).find((rule) => concerns(pipeline, flavour, rule, firing));
  return problem === undefined
    ? flowHealthy(pipeline, 'True', healthRules.healthy)
    : flowHealthy(pipeline, 'False', problem);
}

/**
 * The condition of a pipeline whose configuration was never applied, and which alerts therefore say nothing about.
 * Undefined if alerts have to be asked, and for a kind without health rules.
 */
export function configurationNotGenerated(pipeline: Pipeline): DesiredCondition | undefined {
  const flavour = flavourOf(pipeline);
  const generated = pipeline.conditions.find(({ type }) => type === 'ConfigurationGenerated');
  if (flavour === undefined || generated?.status !== 'False') return undefined;
  return flowHealthy(pipeline, 'False', healthRules.notGenerated[flavour]);
}

/**
 * The condition of a pipeline while it cannot be known which alerts fire: the probe of the first component failed.
 * Throws TerminalError for a kind without health rules.
 */
export function probingFailed(pipeline: Pipeline): DesiredCondition {
  const [first] = probedComponents(pipeline);
  if (first === undefined) throw withoutRules(pipeline);
  return flowHealthy(pipeline, 'Unknown', healthRules.probingFailed[first]);
}

/** By severity, and at equal severity by the component that is probed first. */
function rulesWorstFirst(pipeline: Pipeline, flavour: Flavour): readonly AlertRule[] {
  const components = probedComponents(pipeline);
  return healthRules.alerts
    .filter((rule) => rule.flavour === flavour && components.includes(rule.component))
    .toSorted(
      (a, b) =>
        severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
        components.indexOf(a.component) - components.indexOf(b.component),
    );
}

/**
 * True if an alert of the rule fires that concerns the pipeline. As Kyma's self-monitor matches them
 * (internal/selfmonitor/config/rules.go): the name is exact; without `pipeline_name` it concerns every pipeline of the
 * kind, whatever its `pipeline_type`; with it, that must be the pipeline's name, and `pipeline_type`, if there, its kind.
 */
function concerns(pipeline: Pipeline, flavour: Flavour, { rule }: AlertRule, firing: FiringAlerts): boolean {
  const byPipeline = firing.groupedBy(healthRules.alertnamePrefix[flavour] + rule, 'pipeline_name');
  if (byPipeline.has(undefined)) return true;
  const type = pipeline.kind.toLowerCase();
  return (byPipeline.get(pipeline.name) ?? []).some(
    (labels) => !Object.hasOwn(labels, 'pipeline_type') || labels['pipeline_type'] === type,
  );
}

function flowHealthy(
  { generation }: Pipeline,
  status: Condition['status'],
  { reason, message }: Finding,
): DesiredCondition {
  return { type: 'TelemetryFlowHealthy', status, reason, message, observedGeneration: generation };
}

function withoutRules({ kind, name }: Pipeline): TerminalError {
  return new TerminalError(
    `${kind}/${name}: there are no health rules for the kind ${kind}, only for TracePipeline, MetricPipeline and LogPipeline`,
  );
}
