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
  'tocsin-web': [...(keysAt(WebConfig, [])?.keys() ?? [])],
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
  // Those of `promtool test rules` have keys of prometheus.yml.
  if (root.has('tests') && root.get('tests')?.kind === 'list') return 'rule-tests';
  const kinds = Object.keys(tellingKeys) as Judged[];
  const scores = kinds.map((kind) => [kind, scoreOf(root, kind) + (kind === named ? 0.5 : 0)] as const);
  const [best, score] = scores.reduce((one, other) => (other[1] > one[1] ? other : one));
  if (score > 0) return best;
  return root.has('global') ? 'prometheus' : 'other';
}

/** JSON is what programs write, such as dashboards; a person writes these files in YAML. */
function kindOfName(name: string): Judged | undefined {
  if (name.endsWith('.json')) return undefined;
  return tellingNames.find(([, pattern]) => pattern.test(basename(name)))?.[0];
}

function scoreOf(root: YamlValue, kind: Judged): number {
  // The global section of both has this name, and tells by what it holds.
  const isGlobal = kind === 'prometheus' ? /^(?:scrape|evaluation)_/ : /^(?:smtp|slack|resolve|pagerduty|opsgenie)_/;
  const global = root.get('global')?.entries.some(({ key }) => isGlobal.test(key)) === true;
  const ofGlobal = global && (kind === 'prometheus' || kind === 'alertmanager') ? 1 : 0;
  return tellingKeys[kind].filter((key) => root.has(key)).length + ofGlobal;
}
