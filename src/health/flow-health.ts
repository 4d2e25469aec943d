import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { compareLabelSets } from '../alert/alert.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { KymaKind } from '../reconcile/kyma-kinds.ts';
import type { Decision, Condition, Pipeline, ConditionTransition } from '../reconcile/ports.ts';
import { healthRules, severities, type AlertRule, type Component, type Finding, type Flavour } from './health-rules.ts';
import { NoRuleError } from '../reconcile/errors.ts';

/** The desired condition and what decided it. */
export interface Verdict {
  readonly condition: DesiredCondition;
  readonly decision: Decision;
}

/** Does in slices the work that {@link flowHealth} and {@link alertsByReason} would do at once on their first call. */
export async function prepareFlowHealth(pipeline: Pipeline, firing: FiringAlerts): Promise<void> {
  const flavour = flavourOf(pipeline);
  if (flavour === undefined) return;
  for (const alertname of alertnames.get(flavour) ?? [])
    if (!firing.isPrepared(alertname)) await firing.prepare(alertname, concernedBy);
}

/**
 * Judges a pipeline's flow of data by the firing alerts: the worst problem that concerns it, or none. Throws NoRuleError for a
 * kind without health rules.
 */
export function flowHealth(pipeline: Pipeline, firing: FiringAlerts): Verdict {
  const flavour = flavourOf(pipeline);
  if (flavour === undefined) throw withoutRules(pipeline);
  for (const rule of rulesWorstFirst(pipeline, flavour)) {
    const labels = decidingAlert(pipeline, rule, firing);
    if (labels !== undefined) return verdict(pipeline, 'False', rule, { by: 'alert', labels });
  }
  return verdict(pipeline, 'True', healthRules.healthy, { by: 'no alert' });
}

/**
 * The condition of a pipeline whose configuration was never applied, so that alerts say nothing about it. Undefined if the alerts
 * have to decide, and for a kind without health rules.
 */
export function configurationNotGenerated(pipeline: Pipeline): Verdict | undefined {
  const flavour = flavourOf(pipeline);
  const generated = pipeline.conditions.find(({ type }) => type === 'ConfigurationGenerated');
  if (flavour === undefined || generated?.status !== 'False') return undefined;
  const { type, status, reason } = generated;
  return verdict(pipeline, 'False', healthRules.notGenerated[flavour], { by: 'condition', type, status, reason });
}

/**
 * The condition of a pipeline while it is unknown which alerts fire: the probe of the first component failed. Throws
 * NoRuleError for a kind without health rules.
 */
export function probingFailed(pipeline: Pipeline, error: Error): Verdict {
  const [first] = probedComponents(pipeline);
  if (first === undefined) throw withoutRules(pipeline);
  return verdict(pipeline, 'Unknown', healthRules.probingFailed[first], { by: 'failed query', error });
}

/**
 * The condition of a pipeline for which no alert could fire, so that silence says nothing.
 * @param isKnown false if it is unknown which alerting rules there are
 */
export function unguarded(pipeline: Pipeline, isKnown: boolean): Verdict {
  const finding = isKnown ? healthRules.noRule : healthRules.rulesUnknown;
  return verdict(pipeline, 'Unknown', finding, { by: isKnown ? 'no rule' : 'unknown rules' });
}

/** The given alerts that concern the pipeline, by the reason to which each leads, the worst first. */
export function alertsByReason(pipeline: Pipeline, firing: FiringAlerts): ReadonlyMap<string, LabelSet> {
  const found = new Map<string, LabelSet>();
  for (const rule of rulesWorstFirst(pipeline, flavourOf(pipeline))) {
    const labels = decidingAlert(pipeline, rule, firing);
    if (labels !== undefined && !found.has(rule.reason)) found.set(rule.reason, labels);
  }
  return found;
}

/** True if an alert of the pipeline leads to the reason. */
export function isAlertReason(pipeline: Pipeline, reason: string): boolean {
  return rulesWorstFirst(pipeline, flavourOf(pipeline)).some((rule) => rule.reason === reason);
}

/** The reasons worse than the verdict to which alerts of the pipeline can lead, the worst first. */
export function worseReasons(pipeline: Pipeline, { condition }: Verdict): readonly string[] {
  const reasons = rulesWorstFirst(pipeline, flavourOf(pipeline)).map(({ reason }) => reason);
  return condition.status === 'True' ? reasons : reasons.slice(0, Math.max(0, reasons.indexOf(condition.reason)));
}

/** The verdict of an alert that is still pushed as firing. Throws NoRuleError if no alert of the pipeline leads to the reason. */
export function pushedVerdict(pipeline: Pipeline, reason: string, labels: LabelSet): Verdict {
  const rule = rulesWorstFirst(pipeline, flavourOf(pipeline)).find((each) => each.reason === reason);
  if (rule === undefined) throw withoutRules(pipeline);
  return verdict(pipeline, 'False', rule, { by: 'push', labels });
}

/**
 * The rules by severity, and at equal severity by the order in which their components are probed; none for a kind without health
 * rules.
 */
function rulesWorstFirst(pipeline: Pipeline, flavour: Flavour | undefined): readonly AlertRule[] {
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
 * The labels of the alert that fires by this rule and concerns the pipeline; undefined if there is none. If there are several, an
 * alert that names the pipeline comes before one that concerns all, and then the order of label sets decides, because Prometheus
 * lists them in another order each time. The match is that of Kyma's self-monitor (internal/selfmonitor/config/rules.go). The
 * alert's name is exact. Without `pipeline_name` it concerns every pipeline of the kind, whatever its `pipeline_type`. With it,
 * that must be the pipeline's name, and `pipeline_type`, if present, its kind.
 */
function decidingAlert(
  { kind, name }: Pipeline,
  { flavour, rule }: AlertRule,
  firing: FiringAlerts,
): LabelSet | undefined {
  const firsts = firing.firsts(healthRules.alertnamePrefix[flavour] + rule, concernedBy);
  const [ofAnyKind, ofKind] = [firsts.get(groupName(name)), firsts.get(groupName(name, kind.toLowerCase()))];
  if (ofAnyKind === undefined || ofKind === undefined) return ofAnyKind ?? ofKind ?? firsts.get(everyPipeline);
  return compareLabelSets(ofAnyKind, ofKind) < 0 ? ofAnyKind : ofKind;
}

/** The group of an alert, which says which pipelines it concerns. */
function concernedBy(labels: LabelSet): string {
  if (!Object.hasOwn(labels, 'pipeline_name')) return everyPipeline;
  return groupName(
    labels['pipeline_name']!,
    Object.hasOwn(labels, 'pipeline_type') ? labels['pipeline_type'] : undefined,
  );
}

const everyPipeline = '*';

/** No name of a pipeline and no kind contains the separator. A label may contain it, but then it names no pipeline. */
function groupName(name: string, type?: string): string {
  return type === undefined ? `=${name}` : `=${name}\0${type}`;
}

/** The names of all alerts that have a rule in a flavour. */
const alertnames: ReadonlyMap<Flavour, readonly string[]> = new Map(
  [...Map.groupBy(healthRules.alerts, ({ flavour }) => flavour)].map(([flavour, rules]) => [
    flavour,
    rules.map(({ rule }) => healthRules.alertnamePrefix[flavour] + rule),
  ]),
);

function verdict(
  { generation }: Pipeline,
  status: Condition['status'],
  { reason, message }: Finding,
  decision: Decision,
): Verdict {
  const condition = { type: 'TelemetryFlowHealthy', status, reason, message, observedGeneration: generation };
  return { condition, decision };
}

function withoutRules({ kind, name }: Pipeline): NoRuleError {
  return new NoRuleError(
    `${kind}/${name}: there are no health rules for the kind ${kind}, only for TracePipeline, MetricPipeline and LogPipeline`,
  );
}

/** The desired condition; {@link setCondition} decides since when it holds. */
export type DesiredCondition = Required<Omit<Condition, 'lastTransitionTime'>>;

export interface ConditionUpdate {
  readonly conditions: readonly Condition[];
  /** Absent if neither status nor reason changed. */
  readonly transition?: ConditionTransition;
}

/**
 * Sets the desired condition among the others, like apimachinery's meta.SetStatusCondition: a new one goes to the end,
 * `lastTransitionTime` moves only when the status changes, and other conditions stay in place unchanged. If there are several of
 * the type, the first is updated and the rest are removed: a type occurs once in a status.
 * @param nowMs the time of a change of status; written in whole seconds
 * @returns undefined if there is nothing to write
 */
export function setCondition(
  current: readonly Condition[],
  desired: DesiredCondition,
  nowMs: number,
): ConditionUpdate | undefined {
  const existing = current.find(({ type }) => type === desired.type);
  const rest = current.filter((condition) => condition === existing || condition.type !== desired.type);
  if (existing !== undefined && rest.length === current.length && equals(existing, desired)) return undefined;

  const updated = { ...existing, ...desired, lastTransitionTime: transitionTime(existing, desired, nowMs) };
  const conditions =
    existing === undefined
      ? [...current, updated]
      : rest.map((condition) => (condition === existing ? updated : condition));
  const transition = transitionOf(existing, desired);
  return transition === undefined ? { conditions } : { conditions, transition };
}

function equals(existing: Condition, desired: DesiredCondition): boolean {
  return (
    existing.status === desired.status &&
    existing.reason === desired.reason &&
    existing.message === desired.message &&
    existing.observedGeneration === desired.observedGeneration
  );
}

function transitionTime(existing: Condition | undefined, desired: DesiredCondition, nowMs: number): string {
  // An entry that was written by hand may lack its time, which Kubernetes requires.
  const kept = existing?.status === desired.status ? existing.lastTransitionTime : '';
  return kept || inWholeSeconds(nowMs);
}

function transitionOf(existing: Condition | undefined, desired: DesiredCondition): ConditionTransition | undefined {
  const { type, status: to, reason, message } = desired;
  if (existing?.status === to && existing.reason === reason) return undefined;
  return { type, from: existing?.status ?? '', to, fromReason: existing?.reason ?? '', reason, message };
}

/** RFC 3339 in UTC, as Kubernetes writes a time: `2026-11-21T03:08:54Z`. */
function inWholeSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/**
 * The flavour of a pipeline, by its kind and, for a LogPipeline, by its output; undefined for any other kind, which has no health
 * rules. The rule is Kyma's: OTLP if `spec.output.otlp` is present, else Fluent Bit.
 */
export function flavourOf({ kind, spec }: Pick<Pipeline, 'kind' | 'spec'>): Flavour | undefined {
  return Object.hasOwn(flavours, kind) ? flavours[kind as KymaKind](spec) : undefined;
}

const flavours: Readonly<Record<KymaKind, (spec: Pipeline['spec']) => Flavour>> = {
  TracePipeline: () => 'trace',
  MetricPipeline: () => 'metric',
  LogPipeline: (spec) => (isPresent(spec['output'], 'otlp') ? 'log-otlp' : 'log-fluent-bit'),
};

/**
 * The components whose alerts concern a pipeline, in the order in which Kyma probes them; none for another kind. At equal
 * severity, the problem of the earlier component is reported.
 */
export function probedComponents(pipeline: Pick<Pipeline, 'kind' | 'spec'>): readonly Component[] {
  switch (flavourOf(pipeline)) {
    case 'trace':
      return ['gateway'];
    case 'metric':
      return ['gateway', 'agent'];
    case 'log-otlp':
      return probedByInput(pipeline.spec['input']);
    case 'log-fluent-bit':
      return ['agent'];
    case undefined:
      return [];
  }
}

/** An input counts if it is present, enabled or not. If neither is given, Kyma's defaults add both. */
function probedByInput(input: unknown): readonly Component[] {
  // v1alpha1 calls the runtime input `application`.
  const runtime = isPresent(input, 'runtime') || isPresent(input, 'application');
  const otlp = isPresent(input, 'otlp');
  if (runtime === otlp) return ['agent', 'gateway'];
  return runtime ? ['agent'] : ['gateway'];
}

/** True if a mapping has the key. A key without a value (YAML's `otlp:`) is absent, as in Kubernetes. */
function isPresent(mapping: unknown, key: string): boolean {
  if (typeof mapping !== 'object' || mapping === null || !Object.hasOwn(mapping, key)) return false;
  return ((mapping as Record<string, unknown>)[key] ?? undefined) !== undefined;
}
