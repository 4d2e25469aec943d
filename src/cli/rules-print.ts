import { join } from 'node:path';
import { readHttpUrl } from '../config/settings/http-url.ts';
import type { Reader } from '../config/settings/reader.ts';
import { readChoice } from '../config/settings/value-readers.ts';
import { defaultRuleGroups, readRuleFiles, ruleGroups } from '../rules/rule-files.ts';
import { asConfigMap, asPrometheusRules, asRuleFile } from '../rules/rule-objects.ts';
import { exitDone, plainCommand, UsageError, usageOf, type PlainCall } from './command.ts';

export const readNamespace: Reader<string> = (found) =>
  typeof found === 'string' && /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a namespace: lower-case letters, digits and dashes' };

/** The name may have a prefix, a DNS name; both as Kubernetes has them. */
const readLabel: Reader<readonly [name: string, value: string]> = (found) => {
  const pattern =
    /^((?:[a-z\d][a-z\d.-]{0,252}\/)?[A-Za-z\d](?:[\w.-]{0,61}[A-Za-z\d])?)=([A-Za-z\d](?:[\w.-]{0,61}[A-Za-z\d])?|)$/;
  const [, name, value] = typeof found === 'string' ? (pattern.exec(found) ?? []) : [];
  return name === undefined || value === undefined
    ? { allowed: 'NAME=VALUE of a label of Kubernetes, as in release=prometheus' }
    : { value: [name, value] };
};

/** The flags of every command that writes rules. */
export const objectFlags = {
  label: {
    name: 'label',
    short: 'l',
    placeholder: 'NAME=VALUE',
    read: readLabel,
    isList: true,
    help: 'A label of the objects, as a ruleSelector wants it; may be given more than once.',
    unit: 'label',
    otherwise: 'none but those of Tocsin',
  },
  runbookUrl: {
    name: 'runbook-url',
    placeholder: 'URL',
    read: readHttpUrl,
    help: 'Where the folder with docs/ is on the web: runbook_url begins with it.',
    unit: 'http or https URL',
    otherwise: 'none, so it is a path such as docs/runbooks.md#instancedown',
  },
} as const;

const flags = {
  group: {
    name: 'group',
    placeholder: 'GROUP',
    read: readChoice(ruleGroups),
    isList: true,
    help: 'Which rules; may be given more than once.',
    unit: ruleGroups.join(', '),
    otherwise: 'all but node-disk-rate',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORM',
    read: readChoice(['rules', 'configmap', 'prometheusrule']),
    help: 'A rule file, a ConfigMap of rule files, or objects of the Prometheus Operator.',
    unit: 'rules, configmap, prometheusrule',
    default: 'rules',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAMESPACE',
    read: readNamespace,
    help: 'The namespace of the objects.',
    unit: 'name',
    otherwise: 'none, so that of kubectl',
  },
  ...objectFlags,
} as const;

/** `tocsin rules print`: the rules that come with Tocsin, as a file or as objects of Kubernetes. */
export const rulesPrint = plainCommand({ name: 'rules print', flags, run });

async function run({ values, words, surroundings }: PlainCall<typeof flags>): Promise<number> {
  if (words.length > 0) throw new UsageError(`rules print: stray words, allowed: ${usageOf('rules print')}`);
  const { group: groups = defaultRuleGroups, output = 'rules', namespace, label = [], runbookUrl } = values;
  if (output === 'rules' && (namespace !== undefined || label.length > 0))
    throw new UsageError('--namespace, --label: a rule file has none, allowed: with -o configmap or -o prometheusrule');
  const files = readRuleFiles(join(surroundings.packageFolder, 'rules'), groups, runbookUrl);
  const options = { namespace, labels: Object.fromEntries(label) };
  const forms = { rules: asRuleFile, configmap: asConfigMap, prometheusrule: asPrometheusRules };
  surroundings.stdout.write(forms[output](files, options));
  return exitDone;
}
