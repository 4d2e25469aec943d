import { showText } from '../../config/settings/show-value.ts';
import type { RuleContext } from '../rule.ts';
import type { Entry, YamlValue } from '../yaml-value.ts';
import { isSet, type FileRule, type RuleGroup } from './rule-file.ts';

type Report = RuleContext['report'];

const plainLabel = /^[A-Za-z_]\w*$/;
const plainMetric = /^[A-Za-z_:][\w:]*$/;

/** Checks what every group and every rule has to have, and their names. */
export function checkNames(groups: readonly RuleGroup[], report: Report): void {
  const known = new Set<string>();
  for (const group of groups) {
    checkGroupName(group, known, report);
    checkLabelNames(group.labels, 'label', report);
    for (const rule of group.rules) checkRule(rule, report);
  }
}

function checkGroupName({ value, name }: RuleGroup, known: Set<string>, report: Report): void {
  const place = value.get('name') ?? value;
  if (name === '')
    report('missing-key', place, 'the group has no name', {
      hint: 'give it a name that no other group of the file has',
    });
  else if (known.has(name))
    report('duplicate-name', place, `the name ${showText(name)} is given to more than one group`, {
      hint: 'Prometheus refuses the whole file: rename one of them, or join them',
    });
  known.add(name);
}

function checkRule(rule: FileRule, report: Report): void {
  const [alert, record] = [rule.value.get('alert'), rule.value.get('record')];
  if (isSet(alert) && isSet(record))
    report('conflicting-keys', record, 'the rule has both alert and record', { hint: 'make two rules of it' });
  if (rule.kind === undefined)
    report('missing-key', rule.value, 'the rule has neither alert nor record', {
      hint: 'alert names an alert, record the metric that the rule writes',
    });
  if (!isSet(rule.value.get('expr')))
    report('missing-key', rule.value.get('expr') ?? rule.place, 'the rule has no expr', {
      hint: 'give it an expression of PromQL',
    });
  if (isSet(record)) checkRecord(rule, record, report);
  checkLabelNames(rule.labels, 'label', report);
  checkLabelNames(rule.annotations, 'annotation', report);
}

function checkRecord({ value }: FileRule, record: YamlValue, report: Report): void {
  for (const { key, keyRange, value: member } of value.entries) {
    const isGiven =
      key === 'annotations' ? member.entries.length > 0 : isSet(member) && !/^0(?:ms|[smhdwy])?$/.test(member.text!);
    if (['annotations', 'for', 'keep_firing_for'].includes(key) && isGiven)
      report('conflicting-keys', keyRange, `a recording rule has no ${key}`, { hint: 'only an alert has it' });
  }
  const name = record.text ?? '';
  if (/[{}]/.test(name))
    report('rule-metric-name', record, `${showText(name)} is no name of a metric`, {
      hint: 'labels belong into labels, an expression into expr',
    });
  else if (!plainMetric.test(name))
    report('newer-prometheus', record, `the name ${showText(name)} needs Prometheus 3.0`, {
      hint: 'an older Prometheus refuses the whole file; use letters, digits, _ and :',
    });
}

function checkLabelNames(entries: readonly Entry[], what: 'label' | 'annotation', report: Report): void {
  for (const { key, keyRange } of entries) {
    if (key === '' || (key === '__name__' && what === 'label'))
      report(
        'rule-label-name',
        keyRange,
        `${JSON.stringify(key)} is no name of ${what === 'label' ? 'a label' : 'an annotation'}`,
        {
          hint: 'Prometheus refuses the whole file; begin with a letter, go on with letters, digits and _',
        },
      );
    else if (!plainLabel.test(key))
      report('newer-prometheus', keyRange, `the ${what} ${showText(key)} needs Prometheus 3.0`, {
        hint: 'an older Prometheus refuses the whole file; use letters, digits and _, as in runbook_url',
      });
  }
}

/** Tells of rules that write the same series twice, as `promtool check rules` does. */
export function checkDuplicates(groups: readonly RuleGroup[], report: Report): void {
  const first = new Map<string, FileRule>();
  for (const rule of groups.flatMap(({ rules }) => rules)) {
    if (rule.kind === undefined) continue;
    const identity = identityOf(rule);
    const earlier = first.get(identity);
    if (earlier === undefined) first.set(identity, rule);
    else
      report(
        'rule-duplicate',
        rule.place,
        `${showText(rule.name)} is there already in group ${showText(earlier.group.name)}, with the same labels`,
        {
          hint: 'remove one of them, or tell them apart by a label',
        },
      );
  }
}

/** An alert and a recording rule of one name are the same for promtool; a label of the rule replaces that of its group. */
function identityOf({ name, group, labels }: FileRule): string {
  const all = new Map([...group.labels, ...labels].map(({ key, value }) => [key, value.text ?? '']));
  return JSON.stringify([name, ...[...all].toSorted(([one], [other]) => (one < other ? -1 : 1))]);
}
