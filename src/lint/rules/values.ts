import schema from '../../../charts/tocsin/values.schema.json' with { type: 'json' };
import { nearestName } from '../../config/settings/unknown-key.ts';
import { showPath } from '../../config/settings/show-value.ts';
import { shown } from '../leaf-values.ts';
import { renameKey } from '../problem.ts';
import type { Rule, RuleContext, Subject } from '../rule.ts';
import type { Entry, YamlValue } from '../yaml-value.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
}

const ours = schema as Schema;
/** Keys that other charts do not have. */
const telling = ['rollOnConfigChange', 'annotate', 'observe', 'monitoring', 'lint'];

/** True for the values of Tocsin's own chart. */
export function isOurs({ root, file }: Pick<Subject, 'root' | 'file'>): boolean {
  const known = Object.keys(ours.properties ?? {});
  const keys = root.entries.map(({ key }) => key);
  const config = Object.keys(ours.properties?.['config']?.properties ?? {});
  const ofConfig = root.get('config')?.entries.map(({ key }) => key) ?? [];
  const hasConfig = ofConfig.length > 0 && ofConfig.filter((key) => config.includes(key)).length * 2 > ofConfig.length;
  const most = keys.filter((key) => known.includes(key)).length * 2 >= keys.length;
  return (
    most &&
    (hasConfig ||
      root.get('rules')?.has('groups') === true ||
      keys.some((key) => telling.includes(key)) ||
      /tocsin/.test(file))
  );
}

/** Helm ignores a value that the templates do not use, and says nothing. */
export const valuesRule: Rule = (context) => {
  const { subject } = context;
  if (isOurs(subject)) checkAgainst(ours, subject.root, [], context);
  else checkForeign(context);
};

function checkAgainst(rule: Schema, value: YamlValue, path: readonly string[], context: RuleContext): void {
  // Tocsin's own reader says more of `config`, and the one of rule files of `rules`.
  if (path.length === 1 && (path[0] === 'config' || path[0] === 'rules')) return;
  if (!isOfType(rule, value)) return reportType(rule, value, path, context);
  for (const entry of value.entries) checkEntry(rule, entry, path, context);
  if (rule.items !== undefined) for (const item of value.items) checkAgainst(rule.items, item, path, context);
}

function checkEntry(
  rule: Schema,
  { key, keyRange, value }: Entry,
  path: readonly string[],
  context: RuleContext,
): void {
  const others = typeof rule.additionalProperties === 'object' ? rule.additionalProperties : undefined;
  const inner = rule.properties?.[key] ?? others;
  if (inner !== undefined) return checkAgainst(inner, value, [...path, key], context);
  if (rule.additionalProperties !== false) return;
  const known = Object.keys(rule.properties ?? {});
  const nearest = nearestName(key, known);
  context.report('unknown-value', keyRange, `${showPath([...path, key])}: the chart of Tocsin has no such value`, {
    hint: nearest === undefined ? `allowed here: ${known.join(', ')}` : `did you mean ${nearest}?`,
    fix: nearest === undefined ? undefined : renameKey(key, keyRange, nearest),
  });
}

const kinds: Readonly<Record<YamlValue['kind'], readonly string[]>> = {
  map: ['object'],
  list: ['array'],
  null: ['null'],
  scalar: ['string', 'boolean', 'integer', 'number'],
};

function isOfType(rule: Schema, value: YamlValue): boolean {
  // Null removes a value, so that the default of the chart counts.
  if (value.kind === 'null') return true;
  if (rule.enum !== undefined) return value.kind === 'scalar' && rule.enum.includes(value.scalar);
  if (rule.type === undefined) return true;
  const types = [rule.type].flat();
  if (!kinds[value.kind].some((kind) => types.includes(kind))) return false;
  if (value.kind !== 'scalar') return true;
  const type = typeof value.scalar;
  const isType =
    types.includes(type) || (type === 'number' && types.includes('integer') && Number.isInteger(value.scalar));
  return (
    isType && (rule.pattern === undefined || type !== 'string' || new RegExp(rule.pattern, 'u').test(value.text ?? ''))
  );
}

function reportType(rule: Schema, value: YamlValue, path: readonly string[], { report }: RuleContext): void {
  const allowed = rule.enum?.map(String).join(', ') ?? [rule.type].flat().join(' or ');
  const found = value.kind === 'scalar' ? shown(value.text ?? '') : `a ${value.kind}`;
  const form = rule.pattern === undefined ? '' : ` of the form ${rule.pattern}`;
  report('wrong-type', value, `${showPath(path)}: found ${found}, allowed: ${allowed}${form}`, {
    hint: `write ${allowed}${form}`,
  });
}

/** Values of the charts of Prometheus and Alertmanager that people put elsewhere, and where they count. */
const misplaced: readonly (readonly [path: string, right: string])[] = [
  ['alertmanager.mountPath', 'alertmanager.persistentVolume.mountPath, or alertmanager.persistence in newer charts'],
  ['server.mountPath', 'server.persistentVolume.mountPath'],
  ['server.storage.tsdb.path', 'server.storagePath, or server.persistentVolume.mountPath'],
  ['server.storage', 'server.persistentVolume, and server.storagePath'],
  ['server.retentionTime', 'server.retention'],
  ['alertmanager.configMap', 'alertmanagerFiles, or alertmanager.config in newer charts'],
  ['alertmanager.alertmanagerFiles', 'alertmanagerFiles, on the top level'],
  ['server.serverFiles', 'serverFiles, on the top level'],
  ['server.alerting', 'server.alertmanagers, or alertmanager.enabled'],
];

/** The most lines of values that a person can oversee. */
const manyLines = 1000;

function checkForeign({ subject: { root, within }, report }: RuleContext): void {
  if (within !== undefined) return;
  const reported: string[] = [];
  for (const [path, right] of misplaced) {
    const value = root.get(...path.split('.'));
    if (value === undefined || reported.some((inner) => inner.startsWith(`${path}.`))) continue;
    reported.push(path);
    report('misplaced-value', value, `${path}: the chart ignores this value`, { hint: `use ${right}` });
  }
  checkOverrides(root, report);
}

/** With `configMapOverrideName`, the chart mounts a ConfigMap of somebody else: what is edited here never runs. */
function checkOverrides(root: YamlValue, report: RuleContext['report']): void {
  for (const [component, files] of [
    ['alertmanager', 'alertmanagerFiles'],
    ['server', 'serverFiles'],
  ] as const) {
    const name = root.get(component, 'configMapOverrideName') ?? root.get('configMapOverrideName');
    if (name?.text === undefined || name.text === '') continue;
    const edited = root.has(files) ? `${files} below is not what runs` : `the files of the chart are not what runs`;
    report('overridden-values', name, `${component} runs with the ConfigMap ${shown(name.text)}: ${edited}`, {
      hint: `change that ConfigMap, or remove configMapOverrideName`,
    });
  }
}

/** A copy of all defaults hides what was changed, and freezes them. */
export const largeValuesRule: Rule = ({ subject: { root, within }, report }) => {
  if (within !== undefined) return;
  const lines = countLines(root);
  if (lines > manyLines)
    report('large-values', { start: root.range.start, end: root.range.start }, `${lines} values in one file`, {
      hint: 'keep only what differs from the defaults of the chart: helm get values RELEASE shows that',
    });
};

function countLines(value: YamlValue): number {
  const parts = [...value.items, ...value.entries.map((entry) => entry.value)];
  return parts.reduce((sum, part) => sum + 1 + countLines(part), 0);
}
