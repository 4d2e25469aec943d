import type { Alert, PipelineName, Run } from '../explain/schema.ts';
import { UsageError } from './command.ts';
import { showValue } from '../config/settings/show-value.ts';

/** Reads `Kind/name` or `Kind/namespace/name`, as a command accepts it. Throws UsageError. */
export function readPipelineName(word: string): PipelineName {
  const parts = word.split('/');
  const [kindAndGroup = '', ...names] = parts;
  if (names.length < 1 || names.length > 2 || parts.includes(''))
    throw new UsageError(
      `${showValue(word)}: no name of a pipeline, allowed: KIND/NAME or KIND/NAMESPACE/NAME, as in tracepipeline/backend`,
    );
  const [kind = '', ...group] = kindAndGroup.split('.');
  const [name = '', namespace] = names.toReversed();
  return {
    kind,
    ...(group.length > 0 && { group: group.join('.') }),
    ...(namespace !== undefined && { namespace }),
    name,
  };
}

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

/** The labels other than the alert's name: `{pod="a", severity="warning"}`; '' if there are none. */
export function showLabels(labels: Readonly<Record<string, string>>): string {
  const others = Object.entries(labels).filter(([name]) => name !== 'alertname');
  return others.length === 0 ? '' : `{${others.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
}

export function showAlert({ alertname, labels }: Pick<Alert, 'alertname' | 'labels'>): string {
  return [alertname, showLabels(labels)].filter((part) => part !== '').join(' ');
}

/** Times are shown in UTC, as in the log. */
export function showTime(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
}

/** Whether a typed name means a name written by the program: the letter case of the kind does not matter. */
export function isSamePipeline(one: PipelineName, other: PipelineName): boolean {
  return showPipeline(one).toLowerCase() === showPipeline(other).toLowerCase();
}

const reasons: Readonly<Record<NonNullable<Run['because']>, string>> = {
  unchanged: 'the condition already was as it should be',
  not_in_prometheus: 'Prometheus does not report the alert as firing',
  held: 'the change waits until it has held long enough',
  configuration_not_generated: 'the configuration of the pipeline is not generated, and that decides',
  no_rule: 'no rule turns such an alert into a condition',
  pipeline_gone: 'the pipeline is gone',
  prometheus_failed: 'Prometheus could not say what fires',
  write_failed: 'the condition could not be written',
};

/** Why a run changed no condition, in words. */
export function showBecause(because: Run['because']): string | undefined {
  return because === undefined ? undefined : `${reasons[because]} (${because})`;
}

export function showTransition({ from, from_reason, to, reason }: NonNullable<Run['transition']>): string {
  const before = from === '' ? 'none' : `${from} ${from_reason}`;
  return `${before} → ${to} ${reason}`;
}

/** `name=value` of each word; a word without "=" is the name of an alert. Throws UsageError. */
export function readLabels(words: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const word of words) {
    const [, name, quoted, plain] = /^([A-Za-z_]\w*)=(?:"(.*)"|([^~].*|))$/s.exec(word) ?? [];
    if (name !== undefined) labels[name] = quoted ?? plain ?? '';
    else if (/[=~]/.test(word))
      throw new UsageError(`${showValue(word)}: no label, allowed: NAME=VALUE, as in severity=critical`);
    else labels['alertname'] = word;
  }
  return labels;
}
