import { parseDuration } from '../config/settings/duration.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { AlertingRule, Answer, ServerFacts } from '../reconcile/server-facts.ts';
import { Allowance, type SelectedList, type Selection } from '../text/json-selection.ts';
import { envelopeBytes, isJsonObject, type JsonObject } from './alerts-response.ts';
import { badShape } from './bad-answer.ts';
import type { PrometheusClient, Question } from './prometheus-client.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError, type PrometheusErrorKind } from './prometheus-error.ts';

/** The most memory that the alerting rules of all replicas together may take, bytes. */
export const maxRulesBytes = 2 * 1024 * 1024;
/** The most memory that the configuration of one Prometheus may take while it is read, and what is kept of it, bytes. */
const maxConfigurationBytes = 8 * 1024 * 1024;
const maxSectionsBytes = 256 * 1024;
const maxAlertmanagersBytes = 256 * 1024;

/** The failures after which the same question gets the same answer. */
const refusals: ReadonlySet<PrometheusErrorKind> = new Set([
  'redirect',
  'unauthorized',
  'not_found',
  'not_json',
  'bad_shape',
  'error_status',
  'too_large',
]);

/** Asks one Prometheus about itself, one question after the other. Never rejects. */
export async function askServerFacts(
  client: PrometheusClient,
  rulesBytes: number,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const { address } = client;
  const rules = await answer(() => askRules(client, rulesBytes, signal));
  if ('error' in rules && !rules.isRefused)
    return { address, rules, alertmanagers: rules, configuration: rules, resendDelayMs: rules };
  return {
    address,
    rules,
    alertmanagers: await answer(() => askAlertmanagers(client, signal)),
    configuration: await answer(() => askConfiguration(client, ['global', 'alerting'], signal)),
    resendDelayMs: await answer(() => askResendDelay(client, signal)),
  };
}

async function answer<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await ask() };
  } catch (found) {
    const error = found instanceof Error ? found : new Error(String(found));
    return { error, isRefused: error instanceof PrometheusError && refusals.has(error.kind) };
  }
}

async function askRules(
  client: PrometheusClient,
  maxBytes: number,
  signal: AbortSignal,
): Promise<readonly AlertingRule[]> {
  // Older versions do not know the second parameter, and send the alerts along; they are passed over.
  const question = { path: '/api/v1/rules', query: { type: 'alert', exclude_alerts: 'true' } };
  const list = new RuleList(maxBytes);
  const [{ groups }, endpoint] = await client.ask(question, { groups: { list } }, envelopeAllowance, signal);
  if (groups !== null && !Array.isArray(groups)) throw badShape('data.groups', 'a list', groups, endpoint);
  if (list.isOver) throw tooLarge(endpoint, 'Its alerting rules', maxBytes);
  return list.rules;
}

function envelopeAllowance(): Allowance {
  return new Allowance(envelopeBytes);
}

/** The labels of a rule that say which pipeline its alert concerns. The others are not kept. */
const labelsThatName = { pipeline_name: 'scalar', pipeline_type: 'scalar' } as const;

/** The memory of a rule without its texts, bytes. */
const ruleBytes = 160;

/** The alerting rules of an answer, each once, group by group. */
class RuleList implements SelectedList {
  readonly element: Selection = {
    members: {
      interval: 'scalar',
      rules: { everyElement: { members: { type: 'scalar', name: 'scalar', labels: { members: labelsThatName } } } },
    },
  };
  readonly elementBytes: number;
  isOver = false;
  #rules = new Map<string, AlertingRule>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.elementBytes = maxBytes;
  }

  begin(): void {
    this.#rules = new Map();
    this.isOver = false;
    this.#bytes = 0;
  }

  get rules(): readonly AlertingRule[] {
    return [...this.#rules.values()];
  }

  accept(group: unknown, { isSpent }: Allowance): void {
    this.isOver ||= isSpent;
    if (this.isOver || !isJsonObject(group) || !Array.isArray(group['rules'])) return;
    const { interval } = group;
    const intervalMs = typeof interval === 'number' ? interval * 1000 : 0;
    for (const rule of group['rules'] as readonly unknown[]) {
      if (!isJsonObject(rule) || rule['type'] !== 'alerting' || typeof rule['name'] !== 'string') continue;
      this.#add({ name: rule['name'], labels: labelsOf(rule['labels']), intervalMs });
    }
  }

  #add(rule: AlertingRule): void {
    const key = JSON.stringify(rule);
    if (this.#rules.has(key)) return;
    this.#rules.set(key, rule);
    this.#bytes += ruleBytes + 4 * key.length;
    this.isOver ||= this.#bytes > this.elementBytes;
  }
}

export function labelsOf(found: unknown): LabelSet {
  if (!isJsonObject(found)) return {};
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

async function askAlertmanagers(client: PrometheusClient, signal: AbortSignal): Promise<readonly string[]> {
  const members: Readonly<Record<string, Selection>> = {
    activeAlertmanagers: { everyElement: { members: { url: 'scalar' } } },
  };
  const { data, endpoint } = await asked(
    client,
    { path: '/api/v1/alertmanagers' },
    members,
    maxAlertmanagersBytes,
    signal,
  );
  const active = data['activeAlertmanagers'] ?? [];
  if (!Array.isArray(active)) throw badShape('data.activeAlertmanagers', 'a list', active, endpoint);
  return active.flatMap((each: unknown) =>
    isJsonObject(each) && typeof each['url'] === 'string' ? [each['url']] : [],
  );
}

/** The top-level sections of these names, as YAML. */
export async function askConfiguration(
  client: PrometheusClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const members = { yaml: 'scalar' } as const;
  const { data, endpoint } = await asked(
    client,
    { path: '/api/v1/status/config' },
    members,
    maxConfigurationBytes,
    signal,
  );
  const { yaml } = data;
  if (typeof yaml !== 'string') throw badShape('data.yaml', 'a text', yaml, endpoint);
  const sections = [...sectionsOf(yaml, names)].join('');
  if (2 * sections.length > maxSectionsBytes)
    throw tooLarge(endpoint, 'What it configures for alerts', maxSectionsBytes);
  return sections;
}

/** The top-level sections of these names. Prometheus writes its configuration in one form, with the keys at the start of lines. */
function* sectionsOf(yaml: string, names: readonly string[]): Generator<string> {
  for (const name of names) {
    const begin = yaml.startsWith(`${name}:`) ? 0 : yaml.indexOf(`\n${name}:`) + 1;
    if (!yaml.startsWith(`${name}:`, begin)) continue;
    const next = /\n(?=[^\s#-])/g;
    next.lastIndex = begin;
    yield `${yaml.slice(begin, next.exec(yaml)?.index ?? yaml.length)}\n`;
  }
}

async function askResendDelay(client: PrometheusClient, signal: AbortSignal): Promise<number> {
  const flag = 'rules.alert.resend-delay';
  const { data, endpoint } = await asked(client, { path: '/api/v1/status/flags' }, { [flag]: 'scalar' }, 0, signal);
  const found = data[flag];
  const delayMs = typeof found === 'string' ? parseDuration(found) : undefined;
  if (delayMs === undefined) throw badShape(`data["${flag}"]`, 'a duration', found, endpoint);
  return delayMs;
}

export interface Asked {
  readonly data: JsonObject;
  readonly endpoint: PrometheusEndpoint;
}

export async function asked(
  client: PrometheusClient,
  question: Question,
  members: Readonly<Record<string, Selection>>,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Asked> {
  let allowance = new Allowance(0);
  const newAllowance = (): Allowance => (allowance = new Allowance(envelopeBytes + maxBytes));
  const [data, endpoint] = await client.ask(question, members, newAllowance, signal);
  if (allowance.isSpent) throw tooLarge(endpoint, `Its answer to ${question.path}`, maxBytes);
  return { data, endpoint };
}

function tooLarge({ address }: PrometheusEndpoint, what: string, maxBytes: number): PrometheusError {
  return new PrometheusError(
    'too_large',
    `Prometheus at ${address} was asked about itself. ${what} would take more than ${maxBytes} bytes of memory, so Tocsin does not use it.`,
  );
}
