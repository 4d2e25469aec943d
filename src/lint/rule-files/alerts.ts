import { nearestName } from '../../config/settings/unknown-key.ts';
import { showText } from '../../config/settings/show-value.ts';
import { healthRules } from '../../health/health-rules.ts';
import { kymaGroup, kymaKinds } from '../../reconcile/kyma-kinds.ts';
import type { RuleContext, Subject } from '../rule.ts';
import type { Entry } from '../yaml-value.ts';
import { secondsOf, textOf, type FileRule } from './rule-file.ts';

/** The alerts that wake pipelines, and nobody else: those of Kyma's self-monitor. */
const healthAlerts: ReadonlySet<string> = new Set(
  healthRules.alerts.map(({ flavour, rule }) => healthRules.alertnamePrefix[flavour] + rule),
);

/** Checks what whoever is woken by an alert needs of it. */
export function checkAlert(rule: FileRule, context: RuleContext): void {
  if (rule.kind !== 'alert') return;
  if (!healthAlerts.has(rule.name)) {
    checkSeverity(rule, context.report);
    checkRunbook(rule, context.report);
  }
  checkFor(rule, context);
  checkPipeline(rule, context);
}

function checkSeverity({ labels, group, place, name }: FileRule, report: RuleContext['report']): void {
  if (textOf(labels, 'severity') !== undefined || textOf(group.labels, 'severity') !== undefined) return;
  report('alert-severity', place, `the alert ${showText(name)} has no label severity`, {
    hint: 'add severity: critical, warning or info: routes and inhibitions of Alertmanager go by it',
  });
}

function checkRunbook({ annotations, place, name }: FileRule, report: RuleContext['report']): void {
  if (annotations.some(({ key, value }) => /^runbook(?:_url)?$/.test(key) && value.text !== undefined)) return;
  report('alert-runbook', place, `the alert ${showText(name)} has no annotation runbook_url`, {
    hint: 'add the address of the page that says what to do',
  });
}

/** A `for` that is shorter than the interval waits for one interval: the condition is looked at no sooner. */
function checkFor({ value, group }: FileRule, { all, report }: RuleContext): void {
  const duration = value.get('for');
  const seconds = secondsOf(duration);
  const interval = secondsOf(group.value.get('interval')) ?? globalInterval(all);
  if (duration === undefined || seconds === undefined || interval === undefined || seconds === 0 || seconds >= interval)
    return;
  report(
    'for-below-interval',
    duration,
    `for is shorter than the ${interval} s between two evaluations, and waits for the next one`,
    {
      hint: 'leave for out, to fire at once, or make it longer than the interval',
    },
  );
}

function globalInterval(all: readonly Subject[]): number | undefined {
  const [prometheus] = all.filter(({ kind }) => kind === 'prometheus');
  return prometheus && secondsOf(prometheus.root.get('global', 'evaluation_interval'));
}

/** An alert of Kyma wakes the pipelines that its name and the label pipeline_name say; `all` may hold their manifests. */
function checkPipeline({ labels, group, name }: FileRule, { all, report }: RuleContext): void {
  const label = [...group.labels, ...labels].findLast(({ key }) => key === 'pipeline_name');
  const wanted = label?.value.text ?? '';
  const pipelines = all.flatMap((subject) => pipelineOf(subject) ?? []);
  if (label === undefined || wanted === '' || wanted.includes('{{') || pipelines.length === 0) return;
  const kind = kymaKinds.find(({ alertPrefix }) => name.startsWith(alertPrefix))?.kind;
  const known = pipelines
    .filter((pipeline) => kind === undefined || pipeline.kind === kind)
    .map((pipeline) => pipeline.name);
  if (!known.includes(wanted)) reportPipeline(label, kind ?? 'pipeline', known, report);
}

function reportPipeline({ value }: Entry, kind: string, known: readonly string[], report: RuleContext['report']): void {
  const wanted = value.text ?? '';
  const nearest = nearestName(wanted, known);
  const there =
    known.length === 0
      ? `there is no ${kind}`
      : `there are ${known.slice(0, 5).join(', ')}${known.length > 5 ? ', …' : ''}`;
  report('alert-pipeline', value, `there is no ${kind} ${showText(wanted)}: the alert wakes nothing`, {
    hint: nearest === undefined ? showText(there) : `did you mean ${showText(nearest)}?`,
  });
}

function pipelineOf({ kind, root }: Subject): { readonly kind: string; readonly name: string } | undefined {
  if (kind !== 'manifest' || root.get('apiVersion')?.text?.startsWith(`${kymaGroup}/`) !== true) return undefined;
  const [kindName, name] = [root.get('kind')?.text, root.get('metadata', 'name')?.text];
  return kindName === undefined || name === undefined ? undefined : { kind: kindName, name };
}
