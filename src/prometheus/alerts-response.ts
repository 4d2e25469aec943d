import type { LabelSet } from '../alert/label-set.ts';
import type { Slices } from '../slices.ts';
import { parseJson, parseJsonInSlices } from './parse-json.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

/** What Prometheus says about alerts at one moment. */
export interface PrometheusAlerts {
  /** How many are active, the pending ones too. */
  readonly alerts: number;
  /** The labels of those that fire; annotations, values and times are let go of, to hold no memory. */
  readonly firing: readonly LabelSet[];
}

/** The text of a 200, and what is needed to say what is wrong with it. */
export interface AlertsResponse {
  readonly text: string;
  readonly contentType: string | null;
  readonly endpoint: PrometheusEndpoint;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the answer of `GET /api/v1/alerts`. One alert of an unexpected shape spoils the whole: half an answer must not
 * look like fewer alerts. Warnings do too, by which Thanos tells of alerts that are missing (`infos` tell of none).
 * A state that is neither pending nor firing counts as not firing.
 * Rejects with PrometheusError: not_json, bad_json, error_status, partial, bad_shape.
 */
export async function parseAlertsResponse(response: AlertsResponse, slices: Slices): Promise<PrometheusAlerts> {
  const alerts = alertList(await parse(response, parseJson, slices), response.endpoint);
  const answer = await readAlertList(alerts, response.endpoint, slices);
  if (!answer.firing.some(hasSuspectName)) return answer;
  const again = alertList(await parse(response, parseJsonInSlices, slices), response.endpoint);
  return readAlertList(again, response.endpoint, slices);
}

async function readAlertList(
  alerts: readonly unknown[],
  endpoint: PrometheusEndpoint,
  slices: Slices,
): Promise<PrometheusAlerts> {
  const firing: LabelSet[] = [];
  for (const [index, alert] of alerts.entries()) {
    const { labels, state } = checkedAlert(alert, `data.alerts[${index}]`, endpoint);
    if (state === 'firing') firing.push(tidyLabels(labels));
    if (index % 64 === 0 && slices.isOver) await slices.breathe();
  }
  return { alerts: alerts.length, firing };
}

/**
 * In Node 22 to 26 JSON.parse can take a member name that is written with an escape for another one that it has seen before;
 * the wrong name always holds a backslash (nodejs/node issue 63785). Then all is read again without JSON.parse.
 */
function hasSuspectName(labels: LabelSet): boolean {
  for (const name in labels) if (name.includes('\\')) return true;
  return false;
}

/** The content type is not what decides, some proxies lose it; it only tells a broken answer from a foreign one. */
async function parse(response: AlertsResponse, parser: typeof parseJson, slices: Slices): Promise<unknown> {
  try {
    return await parser(response.text, slices);
  } catch (error) {
    const isJson = /[/+]json\s*(?:;|$)/i.test(response.contentType ?? '');
    throw isJson ? badJson(error as Error, response) : notJson(response);
  }
}

function badJson({ message }: Error, { endpoint }: AlertsResponse): PrometheusError {
  return new PrometheusError(
    'bad_json',
    `Prometheus at ${endpoint.address} answered with JSON that does not parse (${endpoint.quote(message)}): does a proxy between change or cut it?`,
  );
}

function notJson({ text, contentType, endpoint }: AlertsResponse): PrometheusError {
  const type = contentType === null ? 'no content type' : endpoint.quote(contentType);
  return new PrometheusError(
    'not_json',
    `Prometheus at ${endpoint.address} answered with ${type} instead of JSON ("${endpoint.quote(text)}"): is prometheus.url right, or does a login page stand before it?`,
  );
}

function alertList(envelope: unknown, endpoint: PrometheusEndpoint): readonly unknown[] {
  if (!isJsonObject(envelope)) throw badShape('the answer', 'an object', envelope, endpoint);
  if (envelope['status'] === 'error') throw errorStatus(envelope, endpoint);
  if (envelope['status'] !== 'success') throw badShape('status', '"success" or "error"', envelope['status'], endpoint);
  refuseWarnings(envelope['warnings'] ?? [], endpoint);
  const data = envelope['data'];
  if (!isJsonObject(data)) throw badShape('data', 'an object', data, endpoint);
  // Go writes a list that was never filled as null.
  const alerts = data['alerts'] === null ? [] : data['alerts'];
  if (!Array.isArray(alerts)) throw badShape('data.alerts', 'a list', alerts, endpoint);
  return alerts;
}

function errorStatus({ errorType, error }: JsonObject, endpoint: PrometheusEndpoint): PrometheusError {
  const type = typeof errorType === 'string' ? endpoint.quote(errorType) : 'no error type';
  const text = typeof error === 'string' ? endpoint.quote(error) : 'no error text';
  return new PrometheusError(
    'error_status',
    `Prometheus at ${endpoint.address} could not list its alerts (${type}: ${text}): its own log says more.`,
  );
}

function refuseWarnings(warnings: unknown, endpoint: PrometheusEndpoint): void {
  if (!Array.isArray(warnings)) throw badShape('warnings', 'a list', warnings, endpoint);
  if (warnings.length === 0) return;
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
  throw new PrometheusError(
    'partial',
    `Prometheus at ${endpoint.address} answered with ${count}, the first ${shapeOf(warnings[0], endpoint)}, so alerts may be missing in its answer: is everything up that it asks itself, as Thanos asks its rulers?`,
  );
}

interface CheckedAlert {
  readonly labels: LabelSet;
  readonly state: string;
}

function checkedAlert(alert: unknown, path: string, endpoint: PrometheusEndpoint): CheckedAlert {
  if (!isJsonObject(alert)) throw badShape(path, 'an object', alert, endpoint);
  const { state, labels } = alert;
  if (typeof state !== 'string') throw badShape(`${path}.state`, 'a string', state, endpoint);
  if (!isJsonObject(labels)) throw badShape(`${path}.labels`, 'an object', labels, endpoint);
  for (const name of Object.keys(labels)) {
    const value = labels[name];
    if (typeof value === 'string') continue;
    throw badShape(`${path}.labels[${JSON.stringify(name)}]`, 'a string', value, endpoint);
  }
  return { labels: labels as LabelSet, state };
}

/**
 * The labels as they were parsed, whenever they are as Prometheus writes them: a copy would cost time, and what JSON.parse
 * made holds a label named `__proto__` safely. Else a copy without empty values (an empty label is an absent one) and
 * lone surrogates.
 */
function tidyLabels(labels: LabelSet): LabelSet {
  const isTidy = (name: string): boolean => labels[name] !== '' && labels[name]!.isWellFormed() && name.isWellFormed();
  if (Object.keys(labels).every(isTidy)) return labels;
  const present = Object.entries(labels).filter(([, value]) => value !== '');
  return Object.fromEntries(present.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]));
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function badShape(path: string, expected: string, found: unknown, endpoint: PrometheusEndpoint): PrometheusError {
  return new PrometheusError(
    'bad_shape',
    `Prometheus at ${endpoint.address} answered with JSON of another shape (${endpoint.quote(path)} is ${shapeOf(found, endpoint)}, not ${expected}): is prometheus.url right, and is that a Prometheus?`,
  );
}

function shapeOf(value: unknown, endpoint: PrometheusEndpoint): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `"${endpoint.quote(value)}"`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
