import { nearestName } from '../../config/settings/unknown-key.ts';
import { showPath } from '../../config/settings/show-value.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape, type Spot } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

/** What a section needs, beyond the sort of its values. */
interface Needs {
  readonly keys?: readonly string[];
  /** The values that a key, or each item of its list, may have. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  /** Numbers from 1 up. */
  readonly counts?: readonly string[];
  readonly percentages?: readonly string[];
}

const protocols =
  'OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0'.split(' ');
const naming = {
  metric_name_validation_scheme: ['legacy', 'utf8'],
  metric_name_escaping_scheme: ['allow-utf-8', 'underscores', 'dots', 'values'],
  scrape_protocols: protocols,
};

const needs: Readonly<Record<string, Needs>> = {
  'prometheus.GlobalConfig': { choices: naming },
  'prometheus.ScrapeConfig': {
    choices: { ...naming, scheme: ['http', 'https'], fallback_scrape_protocol: protocols },
  },
  'prometheus.AlertmanagerConfig': { choices: { api_version: ['v2'] } },
  'prometheus.RemoteWriteConfig': { keys: ['url'] },
  'prometheus.RemoteReadConfig': { keys: ['url'] },
  'prometheus.QueueConfig': { counts: ['max_shards', 'min_shards', 'max_samples_per_send', 'capacity'] },
  'prometheus.TracingConfig': { keys: ['endpoint'], choices: { client_type: ['http', 'grpc'], compression: ['gzip'] } },
  'prometheus.ChunkEncodingConfig': { choices: { floats: ['xor', 'xor2'] } },
  'prometheus.OTLPConfig': {
    choices: {
      translation_strategy: [
        'UnderscoreEscapingWithSuffixes',
        'UnderscoreEscapingWithoutSuffixes',
        'NoUTF8EscapingWithSuffixes',
        'NoTranslation',
      ],
    },
  },
  'kubernetes.SDConfig': {
    keys: ['role'],
    choices: { role: ['pod', 'service', 'endpoints', 'endpointslice', 'node', 'ingress'] },
  },
  'kubernetes.SelectorConfig': { keys: ['role'] },
  'dns.SDConfig': { keys: ['names'], choices: { type: ['A', 'AAAA', 'SRV', 'MX', 'NS'] } },
  'file.SDConfig': { keys: ['files'] },
  'http.SDConfig': { keys: ['url'] },
  'eureka.SDConfig': { keys: ['server'] },
  'uyuni.SDConfig': { keys: ['server'] },
  'marathon.SDConfig': { keys: ['servers'] },
  'aws.Filter': { keys: ['name', 'values'] },
  'moby.Filter': { keys: ['name', 'values'] },
  'azure.SDConfig': { keys: ['subscription_id'] },
  'outscale.SDConfig': { keys: ['region'] },
  'scaleway.SDConfig': { keys: ['project_id', 'role', 'access_key'] },
  'prometheus.TSDBRetentionConfig': { percentages: ['percentage'] },
  'am.SlackField': { keys: ['title', 'value'] },
  'am.SlackAction': { keys: ['type', 'text'] },
  'am.SlackConfirmationField': { keys: ['text'] },
  'mattermost.MattermostField': { keys: ['title', 'value'] },
};

export const sectionRule: Rule = (context) => {
  const shape = FileShape.of(context.subject);
  if (shape === undefined) return;
  for (const spot of shape.spots(context.subject.root)) {
    // Alertmanager takes the defaults for some of them: rules/receivers.ts knows which.
    if (context.subject.kind === 'prometheus' && isEmptyItem(spot, shape))
      context.report('missing-key', spot.value, `${showPath(spot.path)}: an item without content`, {
        hint: 'add its keys, or remove it',
      });
    const need = needs[spot.type ?? ''];
    if (need !== undefined && spot.value.kind === 'map') checkSection(spot, need, context);
  }
};

/** Lists of texts that take no empty one. */
const textLists = /^(?:files|rule_files)$/;

function isEmptyItem({ value, path, keyRange, type = '' }: Spot, shape: FileShape): boolean {
  const isItem = keyRange === undefined && /^\d+$/.test(path.at(-1) ?? '');
  return isItem && value.kind === 'null' && (shape.keysOf(type) !== undefined || textLists.test(path.at(-2) ?? ''));
}

function checkSection(
  spot: Spot,
  { keys = [], choices = {}, counts = [], percentages = [] }: Needs,
  context: RuleContext,
): void {
  for (const key of keys)
    if (isEmpty(spot.value.get(key)))
      // Prometheus takes an empty URL, and fails each time it uses it.
      context.report(
        key === 'url' && spot.value.get(key)?.text === '' ? 'bad-url' : 'missing-key',
        spot.value,
        `${showPath([...spot.path, key])}: missing`,
        { hint: `add ${key}` },
      );
  for (const [key, values] of Object.entries(choices)) checkChoices(spot, key, values, context);
  for (const key of counts) checkNumber(spot, key, 1, Number.POSITIVE_INFINITY, context);
  for (const key of percentages) checkNumber(spot, key, 0, 100, context);
}

function checkNumber({ value, path }: Spot, key: string, least: number, most: number, { report }: RuleContext): void {
  const found = value.get(key);
  const number = Number(found?.text ?? NaN);
  if (found?.text === undefined || !(number < least || number > most)) return;
  const allowed = most === Number.POSITIVE_INFINITY ? `${least} and more` : `${least} to ${most}`;
  report('bad-value', found, `${showPath([...path, key])}: found ${shown(found.text)}, allowed: ${allowed}`, {
    hint: 'write such a number, or remove the key',
  });
}

function isEmpty(value: YamlValue | undefined): boolean {
  if (value === undefined || value.kind === 'null') return true;
  return value.kind === 'scalar' ? value.text === '' : value.items.length + value.entries.length === 0;
}

function checkChoices({ value, path }: Spot, key: string, values: readonly string[], context: RuleContext): void {
  const found = value.get(key);
  const seen = new Set<string>();
  for (const each of found?.kind === 'list' ? found.items : [found]) {
    // An empty text is as good as none, but for the version of an API.
    if (each?.text === undefined || (each.text === '' && key !== 'api_version')) continue;
    if (seen.has(each.text))
      context.report('duplicate-name', each, `${key}: ${shown(each.text)} is given twice`, { hint: 'remove one' });
    seen.add(each.text);
    checkChoice(each, [...path, key], values, context);
  }
}

/** Reports a value that is none of a few words. Prometheus takes the types of DNS in both cases. */
export function checkChoice(
  found: YamlValue,
  path: readonly string[],
  values: readonly string[],
  { report }: RuleContext,
): void {
  const text = found.text ?? '';
  if (values.includes(text) || (path.at(-1) === 'type' && values.includes(text.toUpperCase()))) return;
  const nearest = nearestName(text, values);
  const isSafe = nearest !== undefined && found.style === 'plain';
  report('bad-value', found, `${showPath(path)}: found ${shown(text)}, allowed: ${values.join(', ')}`, {
    hint: nearest === undefined ? 'write one of them' : `did you mean ${nearest}?`,
    fix: isSafe ? { does: `writes ${nearest}`, edits: [{ ...found.range, text: nearest }] } : undefined,
  });
}
