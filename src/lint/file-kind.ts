import { basename } from 'node:path';
import { Config } from '../config/config.ts';
import { keysAt } from '../config/settings/setting.ts';
import { WebConfig } from '../server/web/web-config.ts';
import type { SubjectKind } from './rule.ts';
import type { YamlValue } from './yaml-value.ts';

type Judged = Exclude<SubjectKind, 'manifest' | 'template' | 'rule-tests' | 'other'>;

/** Keys of the top level by which a file is known. What stands in more than one of them, such as `global`, says nothing. */
const tellingKeys: Readonly<Record<Judged, readonly string[]>> = {
  prometheus: [
    'scrape_configs',
    'scrape_config_files',
    'rule_files',
    'alerting',
    'remote_write',
    'remote_read',
    'storage',
    'otlp',
    'tracing',
  ],
  alertmanager: [
    'route',
    'receivers',
    'inhibit_rules',
    'templates',
    'time_intervals',
    'mute_time_intervals',
    'slack_api_url',
  ],
  rules: ['groups'],
  tocsin: [...(keysAt(Config, [])?.keys() ?? [])],
  // A file of HTTP clients has `authorization` as well.
  'tocsin-web': [...(keysAt(WebConfig, [])?.keys() ?? [])].filter((key) => key !== 'authorization'),
  values: [
    'config',
    'image',
    'replicaCount',
    'serviceAccount',
    'alertmanager',
    'server',
    'serverFiles',
    'alertmanagerFiles',
    'kube-prometheus-stack',
    'grafana',
    'prometheusOperator',
    'additionalPrometheusRulesMap',
    'nameOverride',
    'fullnameOverride',
    'configMapOverrideName',
  ],
};

/** Keys of files that share some with ours: the collector of OpenTelemetry, Loki, Promtail. Two of them are enough. */
const foreignKeys = [
  'exporters',
  'processors',
  'extensions',
  'connectors',
  'service',
  'schema_config',
  'ingester',
  'limits_config',
  'clients',
  'positions',
];

/** Keys beside which `tls_server_config` belongs to a member of a cluster of Alertmanagers. */
const foreignToWeb = ['tls_client_config'];

/** Keys that tell only if their value has the form that the program expects. Others have them for something else. */
const tellsIf: Readonly<Record<string, (value: YamlValue) => boolean>> = {
  // Charts have `route: {main: {enabled: true}}` for the Gateway API.
  route: (value) => value.entries.length === 0 || value.entries.some((entry) => entry.value.kind !== 'map'),
  storage: (value) => value.has('tsdb') || value.has('exemplars'),
  tracing: (value) => value.has('endpoint') || value.has('client_type'),
};

/** Keys whose value is a list. The receivers of OpenTelemetry are a map. */
const lists = new Set(
  [
    'scrape_configs scrape_config_files rule_files remote_write remote_read',
    'receivers inhibit_rules templates time_intervals mute_time_intervals groups',
  ].flatMap((keys) => keys.split(' ')),
);

/** Words in the name of a file. They decide where its keys do not. */
const tellingNames: readonly (readonly [Judged, RegExp])[] = [
  ['values', /values/i],
  ['alertmanager', /alert-?manager/i],
  ['rules', /rules?\b|alerts?\b|alerting_rules/i],
  ['tocsin-web', /\bweb\b/i],
  ['tocsin', /tocsin/i],
  ['prometheus', /prometheus/i],
];

/** Says what a document is by its content: the most keys that belong to one kind win. Its name decides where none does. */
export function kindOf(root: YamlValue, name: string): SubjectKind {
  if (root.get('apiVersion')?.kind === 'scalar' && root.get('kind')?.kind === 'scalar') return 'manifest';
  const named = kindOfName(name);
  if (root.kind !== 'map') return named === undefined || named === 'values' ? 'other' : named;
  return certainKind(root, named) ?? likelyKind(root, named);
}

/** What one look decides. */
function certainKind(root: YamlValue, named: Judged | undefined): SubjectKind | undefined {
  // Those of `promtool test rules` have keys of prometheus.yml.
  if (root.get('tests')?.kind === 'list') return 'rule-tests';
  if (foreignKeys.filter((key) => root.has(key)).length > 1) return 'other';
  // Values have the keys of whatever runs in a chart.
  return named === 'values' && root.get('groups')?.kind !== 'list' ? 'values' : undefined;
}

function likelyKind(root: YamlValue, named: Judged | undefined): SubjectKind {
  const kinds = Object.keys(tellingKeys) as Judged[];
  const scores = kinds.map((kind) => [kind, scoreOf(root, kind, named)] as const);
  const [best, score] = scores.reduce((one, other) => (other[1] > one[1] ? other : one));
  if (score > 0) return best;
  return root.has('global') ? 'prometheus' : 'other';
}

/** JSON is what programs write, such as dashboards; a person writes these files in YAML. */
function kindOfName(name: string): Judged | undefined {
  if (name.endsWith('.json')) return undefined;
  return tellingNames.find(([, pattern]) => pattern.test(basename(name)))?.[0];
}

function scoreOf(root: YamlValue, kind: Judged, named: Judged | undefined): number {
  const telling = tellingKeys[kind].filter((key) => tells(key, root.get(key)) && fits(kind, key, root)).length;
  if (kind === named) return telling + ofGlobal(root, kind) + 0.5;
  if (kind === 'tocsin-web' && foreignToWeb.some((key) => root.has(key))) return 0;
  // These keys are common words: those of another program stand beside keys that are none of ours.
  const isForeign = (kind === 'tocsin' || kind === 'tocsin-web') && telling * 2 < root.entries.length;
  return isForeign ? 0 : telling + ofGlobal(root, kind);
}

/** The global section of both has this name, and tells by what it holds. */
function ofGlobal(root: YamlValue, kind: Judged): number {
  if (kind !== 'prometheus' && kind !== 'alertmanager') return 0;
  const isGlobal = kind === 'prometheus' ? /^(?:scrape|evaluation)_/ : /^(?:smtp|slack|resolve|pagerduty|opsgenie)_/;
  return root.get('global')?.entries.some(({ key }) => isGlobal.test(key)) === true ? 1 : 0;
}

/** A section of Tocsin has at least one key that it knows: `prometheus: {image: …}` is the value of a chart. */
function fits(kind: Judged, key: string, root: YamlValue): boolean {
  if (kind !== 'tocsin') return true;
  const known = keysAt(Config, [key]);
  const entries = root.get(key)?.entries ?? [];
  return known === undefined || entries.length === 0 || entries.some((entry) => known.has(entry.key));
}

function tells(key: string, value: YamlValue | undefined): boolean {
  if (value === undefined || (lists.has(key) && value.kind === 'map')) return false;
  return tellsIf[key]?.(value) ?? true;
}
