import { readDuration } from '../../promql/number.ts';
import { readExpression, type ReadExpression } from '../../promql/read-expression.ts';
import type { Entry, YamlValue } from '../yaml-value.ts';

/** A rule of a group, as far as its parts have the right form. */
export interface FileRule {
  readonly value: YamlValue;
  readonly group: RuleGroup;
  readonly kind: 'alert' | 'record' | undefined;
  /** The name of the alert or of the recorded metric. */
  readonly name: string;
  /** Where to tell of the whole rule: its name, or the rule. */
  readonly place: YamlValue;
  readonly expression: { readonly value: YamlValue; readonly text: string; readonly read: ReadExpression } | undefined;
  readonly labels: readonly Entry[];
  readonly annotations: readonly Entry[];
}

export interface RuleGroup {
  readonly value: YamlValue;
  readonly name: string;
  readonly labels: readonly Entry[];
  readonly rules: readonly FileRule[];
}

/** The groups of a rule file or of a PrometheusRule; what is no group, or no rule, is left out. */
export function readRuleGroups(root: YamlValue): readonly RuleGroup[] {
  return (root.get('groups')?.items ?? []).filter(({ kind }) => kind === 'map').map((value) => readGroup(value));
}

function readGroup(value: YamlValue): RuleGroup {
  const rules: FileRule[] = [];
  const group = { value, name: value.get('name')?.text ?? '', labels: value.get('labels')?.entries ?? [], rules };
  for (const rule of value.get('rules')?.items ?? []) if (rule.kind === 'map') rules.push(readRule(rule, group));
  return group;
}

function readRule(value: YamlValue, group: RuleGroup): FileRule {
  const [alert, record] = [value.get('alert'), value.get('record')];
  const named = isSet(alert) ? alert : isSet(record) ? record : undefined;
  return {
    value,
    group,
    kind: named === undefined ? undefined : named === alert ? 'alert' : 'record',
    name: named?.text ?? '',
    place: named ?? value,
    expression: readExpressionOf(value.get('expr')),
    labels: value.get('labels')?.entries ?? [],
    annotations: value.get('annotations')?.entries ?? [],
  };
}

/** For Prometheus an empty text is the same as none. */
export function isSet(value: YamlValue | undefined): value is YamlValue {
  return (value?.text ?? '') !== '';
}

function readExpressionOf(value: YamlValue | undefined): FileRule['expression'] {
  if (!isSet(value)) return undefined;
  const text = value.text!;
  return { value, text, read: readExpression(text) };
}

/** The expressions of a rule file, unread. */
export function* expressionTexts(root: YamlValue): Generator<string> {
  for (const group of root.get('groups')?.items ?? [])
    for (const rule of group.get('rules')?.items ?? []) yield rule.get('expr')?.text ?? '';
}

/** A duration of a key such as `for`, in seconds; undefined if it is missing or wrong. */
export function secondsOf(value: YamlValue | undefined): number | undefined {
  const read = value?.text === undefined ? undefined : readDuration(value.text);
  return read !== undefined && 'seconds' in read ? read.seconds : undefined;
}

/** The text of a label or an annotation. */
export function textOf(entries: readonly Entry[], key: string): string | undefined {
  return entries.find((entry) => entry.key === key)?.value.text;
}
