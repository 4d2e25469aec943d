import { nearestName } from '../../config/settings/unknown-key.ts';
import { showText } from '../../config/settings/show-value.ts';
import { readDuration } from '../../promql/number.ts';
import type { RuleContext } from '../rule.ts';
import { renameKey, type Range } from '../problem.ts';
import type { Entry, YamlValue } from '../yaml-value.ts';

type Form = 'text' | 'duration' | 'number' | 'map of texts' | 'list';

const fileKeys: Readonly<Record<string, Form>> = { groups: 'list' };

const groupKeys: Readonly<Record<string, Form>> = {
  name: 'text',
  interval: 'duration',
  query_offset: 'duration',
  limit: 'number',
  labels: 'map of texts',
  rules: 'list',
};

/** The operator hands this one to Thanos. */
const objectGroupKeys = { ...groupKeys, partial_response_strategy: 'text' } as const;

const ruleKeys: Readonly<Record<string, Form>> = {
  record: 'text',
  alert: 'text',
  expr: 'text',
  for: 'duration',
  keep_firing_for: 'duration',
  labels: 'map of texts',
  annotations: 'map of texts',
};

/** Keys that Prometheus 2.42 does not know. */
const newerGroupKeys: Readonly<Record<string, string>> = { query_offset: '2.53', labels: '3.0' };

/** Checks that a rule file has the keys and the forms that Prometheus reads (model/rulefmt). */
export function checkStructure({ subject, report }: RuleContext): void {
  // A word in the place of a whole file is told there.
  if (subject.root.kind === 'scalar' && subject.within !== undefined) return;
  const check = new StructureCheck(report);
  check.map(subject.root, fileKeys, 'a rule file');
  const groups = subject.root.get('groups')?.items ?? [];
  const keys = subject.within?.root.get('kind')?.text === 'PrometheusRule' ? objectGroupKeys : groupKeys;
  for (const group of groups) {
    check.map(group, keys, 'a group');
    for (const [key, since] of Object.entries(newerGroupKeys)) check.newer(group, key, since);
    for (const rule of group.get('rules')?.items ?? []) check.map(rule, ruleKeys, 'a rule');
  }
}

interface KeyedMap {
  readonly keys: Readonly<Record<string, Form>>;
  readonly what: string;
  readonly siblings: readonly Entry[];
}

class StructureCheck {
  readonly #report: RuleContext['report'];

  constructor(report: RuleContext['report']) {
    this.#report = report;
  }

  map(value: YamlValue, keys: Readonly<Record<string, Form>>, what: string): void {
    // Nothing at all is an empty map: what it has to have is missed elsewhere.
    if (value.kind === 'null') return;
    if (value.kind !== 'map') return this.#form(value, `${what} is a map of ${Object.keys(keys).join(', ')}`);
    for (const { key, keyRange, value: member } of value.entries) {
      const form = keys[key];
      if (form === undefined) this.#unknownKey(key, keyRange, { keys, what, siblings: value.entries });
      else this.#member(key, member, form);
    }
  }

  newer(group: YamlValue, key: string, since: string): void {
    const entry = group.entries.find((each) => each.key === key);
    if (entry === undefined) return;
    this.#report('newer-prometheus', entry.keyRange, `${key} of a group needs Prometheus ${since}`, {
      hint: 'an older Prometheus refuses the whole file',
    });
  }

  #unknownKey(key: string, range: Range, { keys, what, siblings }: KeyedMap): void {
    const near = Object.keys(keys).filter((known) => nearestName(key, [known]) !== undefined);
    const nearest = nearestName(key, near);
    const hint = nearest === undefined ? `${what} has ${Object.keys(keys).join(', ')}` : `did you mean ${nearest}?`;
    const isSafe = near.length === 1 && !siblings.some((each) => each.key === nearest);
    const fix = isSafe ? renameKey(key, range, nearest!) : undefined;
    this.#report('unknown-key', range, `${what} has no key ${showText(key)}`, { hint, fix });
  }

  #member(key: string, value: YamlValue, form: Form): void {
    if (value.kind === 'null') return;
    if (form === 'list') return value.kind === 'list' ? undefined : this.#form(value, `${key} is a list`);
    if (form === 'map of texts') return this.#texts(key, value);
    if (value.kind !== 'scalar') return this.#form(value, `${key} is a ${form}, and no ${value.kind}`);
    if (form === 'duration') this.#duration(key, value);
    if (form === 'number' && typeof value.scalar !== 'number') this.#form(value, `${key} is a number`);
  }

  #texts(key: string, value: YamlValue): void {
    if (value.kind !== 'map') return this.#form(value, `${key} is a map of texts`);
    for (const { key: name, value: text } of value.entries)
      if (text.kind === 'map' || text.kind === 'list')
        this.#form(text, `${key}.${showText(name)} is a text, and no ${text.kind}`);
  }

  #duration(key: string, value: YamlValue): void {
    const read = readDuration(value.text ?? '');
    if (!('message' in read)) return;
    this.#report('bad-duration', value, `${key}: ${read.message}`, {
      hint: 'write it as 30s, 5m or 1h30m: whole numbers with units, the largest first',
    });
  }

  #form(value: YamlValue, message: string): void {
    this.#report('wrong-type', value, message, {
      hint: 'Prometheus refuses the whole file; docs/checks.md shows the form',
    });
  }
}
