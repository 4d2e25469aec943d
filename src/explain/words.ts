import { kymaGroup } from '../reconcile/kyma-kinds.ts';
import type { Alert, Because, PipelineName, Run, Trigger, Verdict } from './schema.ts';

/** The words for what the API tells. The command line and the incident page both use them, so that nothing has two names. */

/** The path of a pipeline's runs in the API. */
export function pipelinePath({ kind, group, namespace, name }: PipelineName): string {
  const parts = [
    group === undefined ? kind : `${kind}.${group}`,
    ...(namespace === undefined ? [] : [namespace]),
    name,
  ];
  return `/pipelines/${parts.map(encodeURIComponent).join('/')}`;
}

export function showPipeline({ kind, group, namespace, name }: PipelineName): string {
  return [group === undefined ? kind : `${kind}.${group}`, ...(namespace === undefined ? [] : [namespace]), name].join(
    '/',
  );
}

/** The reverse of {@link showPipeline}. */
export function pipelineOfKey(key: string): PipelineName {
  const [kindAndGroup = '', ...names] = key.split('/');
  const [kind = '', ...group] = kindAndGroup.split('.');
  const [name = '', namespace] = names.toReversed();
  return {
    kind,
    ...(group.length > 0 && { group: group.join('.') }),
    ...(namespace !== undefined && { namespace }),
    name,
  };
}

/** A filter for one value of a label. Unlike JSON, the classic grammar of matchers has no escapes but `\\\\`, `\\"` and `\\n`. */
export function equalMatcher(name: string, value: string): string {
  const quoted = value.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);
  return `${/^[a-zA-Z_:][\w:]*$/.test(name) ? name : JSON.stringify(name)}="${quoted}"`;
}

/** The labels other than the alert's name: `{pod="a", severity="warning"}`; '' if there are none. */
export function showLabels(labels: Readonly<Record<string, string>>): string {
  const others = Object.entries(labels).filter(([name]) => name !== 'alertname');
  return others.length === 0 ? '' : `{${others.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
}

export function showAlert({ alertname, labels }: Pick<Alert, 'alertname' | 'labels'>): string {
  return [alertname, showLabels(labels)].filter((part) => part !== '').join(' ');
}

/**
 * Whether a person means this pipeline. The letter case does not matter, the kind may be in the plural and have its group, as
 * `kubectl get -o name` writes it. Without a group it may be of any.
 */
export function isSamePipeline(known: PipelineName, typed: PipelineName): boolean {
  const [kind, typedKind] = [known.kind.toLowerCase(), typed.kind.toLowerCase()];
  return (
    known.name === typed.name.toLowerCase() &&
    (typedKind === kind || typedKind === `${kind}s`) &&
    known.namespace === typed.namespace?.toLowerCase() &&
    (typed.group === undefined || typed.group.toLowerCase() === (known.group ?? kymaGroup))
  );
}

/** Why a run changed no condition. */
export const reasons: Readonly<Record<NonNullable<Run['because']>, string>> = {
  unchanged: 'the condition already was as it should be',
  not_in_prometheus: 'Prometheus does not report the alert as firing',
  held: 'the change waits until it has held long enough',
  configuration_not_generated: 'the configuration of the pipeline is not generated, and that decides',
  throttled: 'a trigger has done enough to the object for now',
  foreign_condition: 'another controller keeps a condition of that type',
  no_rule: 'no rule turns such an alert into a condition',
  pipeline_gone: 'there is no such object',
  prometheus_failed: 'Prometheus could not say what fires',
  write_failed: 'it could not be written',
};

/** Why a run changed nothing, in words. */
export function whyUnchanged(
  run: Pick<Run, 'because' | 'actions' | 'decided_by' | 'decided_because'>,
): string | undefined {
  const { because, actions = [] } = run;
  if (because !== 'unchanged' || run.decided_by.length > 0 || run.decided_because !== undefined)
    return because && reasons[because];
  const onlyObserves = actions.length > 0 && actions.every(({ observed }) => observed === true);
  return onlyObserves ? 'its triggers only observe' : 'there was nothing to write';
}

/** The same, with the name of the reason. */
export function showBecause(run: Parameters<typeof whyUnchanged>[0]): string | undefined {
  const why = whyUnchanged(run);
  return why === undefined ? undefined : `${why} (${run.because})`;
}

/** What was written if neither status nor reason of a condition changed, and no trigger did anything else. */
export const messageWritten = 'its message was written; status and reason are as before';

/** True if a run wrote nothing but the message of a condition. */
export function wroteMessage({
  outcome,
  transition,
  actions = [],
}: Pick<Run, 'outcome' | 'transition' | 'actions'>): boolean {
  return outcome === 'changed' && transition === undefined && actions.every(({ observed }) => observed === true);
}

const triggerWords: Readonly<Record<Trigger, string>> = {
  alert: 'an alert',
  start: 'the start of Tocsin',
  resync: 'the periodic look at every pipeline',
  requeue: 'a look that an earlier run had asked for',
  pipeline: 'a change of the object itself',
  truncated: 'alerts that an Alertmanager cut off',
  reload: 'a new configuration',
  silence: 'the end of a silence',
  rules: 'other alerting rules in Prometheus',
  trigger: 'a trigger that was added, changed or deleted',
  inhibition: 'the end of an inhibition',
  suspension: 'the end of a suspension',
  takeover: 'another replica that led before',
  peers: 'another replica that came or went',
  manual: 'somebody who asked for it',
};

/** Such as "the start of Tocsin"; a trigger of another version is told as it is. */
export function triggerText(trigger: string | undefined): string {
  if (trigger === undefined) return 'something that the history no longer knows';
  return (triggerWords as Readonly<Record<string, string>>)[trigger] ?? trigger;
}

export function showTransition({ from, from_reason, to, reason }: NonNullable<Run['transition']>): string {
  const before = from === '' ? 'none' : `${from} ${from_reason}`.trimEnd();
  return `${before} → ${to} ${reason}`;
}

/** What helps if an alert woke nobody. */
export const remedies: Readonly<Partial<Record<Verdict, string>>> = {
  silenced: 'end the silence, or test with other labels',
  repeat_ignored: 'test with another label, or set source.repeats to trigger',
  own_notification: 'test with an alert that does not have the label tocsin="notify"',
  no_pipeline:
    'give the alert the labels that name a pipeline (source.select: labels), create a pipeline, or see tocsin explain for the triggers',
  inhibited: 'end the alert that inhibits it, or change inhibitedBy of the trigger',
  throttled: 'wait for the slot, or raise budget or lower minInterval of the trigger',
  observed: 'set mode: enforce in the trigger',
  suspended: 'take suspend out of the trigger',
  opted_out: 'remove the label by which the namespace opts out (triggers.opt_out_label)',
  invalid: 'correct the labels',
  over_limit: 'raise receiver.max_alerts or receiver.max_alerts_size',
};

/** What helps if a run failed. */
export const runRemedies: Readonly<Partial<Record<Because, string>>> = {
  prometheus_failed: 'see prometheus.url and the log: tocsin tail --event=prometheus.queried',
  write_failed: 'see the permissions of Tocsin, or of its folder, and its log',
};
