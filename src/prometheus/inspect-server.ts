import type { LabelSet } from '../alert/labels.ts';
import {
  flagNames,
  type ActiveAlert,
  type AlertmanagerUrls,
  type InspectedServer,
  type LoadedRule,
  type Reload,
  type RuleGroup,
  type Sample,
  type ServerFlags,
} from '../reconcile/server-inspection.ts';
import type { Selection } from '../text/json-selection.ts';
import { isJsonObject, type JsonObject } from './alerts-response.ts';
import { badShape } from './bad-answer.ts';
import type { PrometheusClient, Question } from './prometheus-client.ts';
import { asked, askConfiguration, labelsOf, type Asked } from './server-facts.ts';

/** The most memory that one answer may take, bytes. A person waits for one at a time. */
const maxAnswerBytes = 64 * 1024 * 1024;
/** The longest page of metrics, bytes. */
const maxMetricsBytes = 16 * 1024 * 1024;

const scalars = { everyElement: 'scalar' } as const;
const rule: Selection = {
  members: {
    ...Object.fromEntries(['type', 'name', 'health', 'lastError', 'duration'].map((name) => [name, 'scalar'] as const)),
    labels: { everyMember: 'scalar' },
    alerts: { everyElement: { members: { state: 'scalar', activeAt: 'scalar' } } },
  },
};
const group: Selection = {
  members: { name: 'scalar', file: 'scalar', interval: 'scalar', rules: { everyElement: rule } },
};

/** Asks one Prometheus what a person wants to know about it. */
export class ServerInspection implements InspectedServer {
  readonly address: string;
  readonly #client: PrometheusClient;

  constructor(client: PrometheusClient) {
    this.#client = client;
    this.address = client.address;
  }

  async version(signal: AbortSignal): Promise<string> {
    const { data, endpoint } = await this.#ask({ path: '/api/v1/status/buildinfo' }, { version: 'scalar' }, signal);
    if (typeof data['version'] !== 'string') throw badShape('data.version', 'a text', data['version'], endpoint);
    return data['version'];
  }

  /** Unlike the header Date, it is exact, and no proxy writes it. */
  async time(signal: AbortSignal): Promise<number> {
    const question = { path: '/api/v1/query', query: { query: 'time()' } };
    const { data, endpoint } = await this.#ask(question, { result: scalars }, signal);
    const [seconds] = listOf(data['result']);
    if (typeof seconds !== 'number') throw badShape('data.result[0]', 'a number', seconds, endpoint);
    return seconds * 1000;
  }

  async flags(signal: AbortSignal): Promise<ServerFlags> {
    const members = Object.fromEntries(flagNames.map((name) => [name, 'scalar'] as const));
    const { data } = await this.#ask({ path: '/api/v1/status/flags' }, members, signal);
    return Object.fromEntries(Object.entries(data).filter(([, value]) => typeof value === 'string'));
  }

  async reload(signal: AbortSignal): Promise<Reload> {
    const members = { reloadConfigSuccess: 'scalar', lastConfigTime: 'scalar' } as const;
    const { data } = await this.#ask({ path: '/api/v1/status/runtimeinfo' }, members, signal);
    return { succeeded: data['reloadConfigSuccess'] !== false, at: textOf(data['lastConfigTime']) };
  }

  configuration(signal: AbortSignal): Promise<string> {
    return askConfiguration(this.#client, ['global', 'alerting', 'rule_files'], signal);
  }

  async groups(signal: AbortSignal): Promise<readonly RuleGroup[]> {
    const members = { groups: { everyElement: group } };
    const { data, endpoint } = await this.#ask({ path: '/api/v1/rules' }, members, signal);
    const { groups } = data;
    if (groups !== null && !Array.isArray(groups)) throw badShape('data.groups', 'a list', groups, endpoint);
    return objectsOf(groups).map(groupOf);
  }

  async alertmanagers(signal: AbortSignal): Promise<AlertmanagerUrls> {
    const urls: Selection = { everyElement: { members: { url: 'scalar' } } };
    const members = { activeAlertmanagers: urls, droppedAlertmanagers: urls };
    const { data } = await this.#ask({ path: '/api/v1/alertmanagers' }, members, signal);
    return { active: urlsOf(data['activeAlertmanagers']), dropped: urlsOf(data['droppedAlertmanagers']) };
  }

  metrics(signal: AbortSignal): Promise<string> {
    return this.#client.text('/metrics', maxMetricsBytes, signal);
  }

  async query(expression: string, signal: AbortSignal): Promise<readonly Sample[]> {
    const question = { path: '/api/v1/query', query: { query: expression } };
    const sample: Selection = { members: { metric: { everyMember: 'scalar' }, value: scalars } };
    const { data } = await this.#ask(question, { result: { everyElement: sample } }, signal);
    return objectsOf(data['result']).map(sampleOf);
  }

  #ask(question: Question, members: Readonly<Record<string, Selection>>, signal: AbortSignal): Promise<Asked> {
    return asked(this.#client, question, members, maxAnswerBytes, signal);
  }
}

function groupOf(found: JsonObject): RuleGroup {
  const intervalMs = 1000 * numberOf(found['interval']);
  const rules = objectsOf(found['rules']).map((each) => ruleOf(each, intervalMs));
  return { name: textOf(found['name']), file: textOf(found['file']), rules };
}

function ruleOf(found: JsonObject, intervalMs: number): LoadedRule {
  return {
    type: found['type'] === 'recording' ? 'recording' : 'alerting',
    name: textOf(found['name']),
    labels: labelsOf(found['labels']),
    intervalMs,
    health: textOf(found['health']),
    lastError: textOf(found['lastError']),
    forMs: 1000 * numberOf(found['duration']),
    alerts: objectsOf(found['alerts']).map(activeAlertOf),
  };
}

function activeAlertOf({ state, activeAt }: JsonObject): ActiveAlert {
  return { state: textOf(state), activeAt: Date.parse(textOf(activeAt)) };
}

function sampleOf({ metric, value }: JsonObject): Sample {
  const labels: LabelSet = labelsOf(metric);
  return { labels, value: Number(listOf(value)[1]) };
}

function urlsOf(found: unknown): readonly string[] {
  return objectsOf(found)
    .map(({ url }) => url)
    .filter((url) => typeof url === 'string');
}

function objectsOf(found: unknown): readonly JsonObject[] {
  return listOf(found).filter(isJsonObject);
}

function listOf(found: unknown): readonly unknown[] {
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

function textOf(found: unknown): string {
  return typeof found === 'string' ? found : '';
}

function numberOf(found: unknown): number {
  return typeof found === 'number' ? found : 0;
}
