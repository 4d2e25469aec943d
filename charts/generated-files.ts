import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readRuleFiles, defaultRuleGroups, ruleGroups } from '../src/rules/rule-files.ts';
import { asConfigMap, asPrometheusRules } from '../src/rules/rule-objects.ts';
import { stringify } from 'yaml';
import { silenceCrd } from './silence-crd.ts';
import { triggerCrds, type CustomResourceDefinition } from './trigger-crds.ts';
import { valuesSchema } from './values-schema.ts';

const root = join(import.meta.dirname, '..');
const rules = join(root, 'rules');
const monitoring = 'k8s/components/monitoring';
const made = '# Written by: npm run chart\n';

/** Every generated file of the chart and of `k8s/`: its path in the project, and its text. A test compares them with the files. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['charts/tocsin/values.schema.json', `${JSON.stringify(valuesSchema(), null, 2)}\n`],
    ...definitions(triggerCrds(), 'crds'),
    ...definitions([silenceCrd()], 'crds/silences'),
    ...ruleObjects(),
    ...ruleFiles(),
    ...dashboards(),
  ]);
}

/** Triggers and silences are installed apart. */
function definitions(
  crds: readonly CustomResourceDefinition[],
  folder: string,
): readonly (readonly [string, string])[] {
  return crds.flatMap((crd) => {
    const text = `${made}${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`;
    return ['k8s', 'charts/tocsin/files'].map(
      (parent) => [`${parent}/${folder}/${crd.metadata.name}.yaml`, text] as const,
    );
  });
}

function ruleObjects(): readonly (readonly [string, string])[] {
  const files = readRuleFiles(rules, defaultRuleGroups, undefined);
  const options = { namespace: 'tocsin', labels: {} };
  return [
    [`${monitoring}/rules/prometheus-rules.yaml`, `${made}${asPrometheusRules(files, options)}`],
    [`${monitoring}/rule-files/config-map.yaml`, `${made}${asConfigMap(files, options)}`],
  ];
}

/** A chart can read no file outside its folder. */
function ruleFiles(): readonly (readonly [string, string])[] {
  return readRuleFiles(rules, ruleGroups, undefined).map(({ name, header, body }) => [
    `charts/tocsin/files/rules/${name}.yml`,
    `${header}${body}`,
  ]);
}

/** Neither can kustomize. */
function dashboards(): readonly (readonly [string, string])[] {
  return globSync('*.json', { cwd: join(root, 'dashboards') }).flatMap((file) => {
    const text = readFileSync(join(root, 'dashboards', file), 'utf8');
    return ['charts/tocsin/files', monitoring].map(
      (folder) => [`${folder}/dashboards/${basename(file)}`, text] as const,
    );
  });
}
