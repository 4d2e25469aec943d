import { JsonError } from '../text/json-scanner.ts';
import { Allowance, type Selection } from '../text/json-selection.ts';
import { JsonStream, TextTooLongError } from '../text/json-stream.ts';
import type { Slices } from '../runtime/slices.ts';
import { FiringList, badShape, isJsonObject, shapeOf, type JsonObject, type PrometheusAlerts } from './firing-list.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

/** The body of a 200 while it arrives, and what is needed to say what is wrong with it. */
export interface AlertsResponse {
  readonly body: AsyncIterable<Uint8Array> | null;
  readonly contentType: string | null;
  readonly endpoint: PrometheusEndpoint;
  /** The longest answer, after decompression: `prometheus.max_response_size`. */
  readonly maxResponseBytes: number;
  /** The memory limit for the labels of all firing alerts: `prometheus.max_firing_size`. */
  readonly maxFiringBytes: number;
}

/** The limit for those parts of the envelope that go into a message: the error, its type, the warnings. */
const envelopeBytes = 256 * 1024;

/**
 * Reads the answer of `GET /api/v1/alerts` while it arrives. Members that nobody needs are skipped, so that memory is bounded by what
 * is kept and not by the answer. One alert of an unexpected shape rejects the whole answer: half an answer must not look like fewer
 * alerts. So do warnings, by which Thanos reports missing alerts (`infos` do not report any).
 * A state that is neither pending nor firing counts as not firing.
 * Rejects with PrometheusError (not_json, bad_json, error_status, partial, bad_shape, too_large), or with the body's own error.
 */
export async function readAlertsResponse(response: AlertsResponse, slices: Slices): Promise<PrometheusAlerts> {
  const { body, endpoint, maxResponseBytes, maxFiringBytes } = response;
  const stream = new JsonStream(body, maxResponseBytes, slices);
  const list = new FiringList(endpoint, maxFiringBytes);
  const envelope = await stream
    .select(envelopeSelection(list), () => new Allowance(envelopeBytes))
    .catch((error: unknown) => {
      if (error instanceof TextTooLongError) throw tooLarge(response);
      if (error instanceof JsonError) throw brokenText(error, stream.head, response);
      throw error;
    });
  checkEnvelope(envelope, endpoint);
  return list.alerts();
}

function envelopeSelection(list: FiringList): Selection {
  const members = { alerts: { list } };
  return {
    members: {
      status: 'scalar',
      errorType: 'scalar',
      error: 'scalar',
      warnings: { everyElement: 'scalar' },
      data: { members },
    },
  };
}

function tooLarge({ endpoint, maxResponseBytes }: AlertsResponse): PrometheusError {
  return new PrometheusError(
    'too_large',
    `The answer of Prometheus at ${endpoint.address} is larger than ${maxResponseBytes} bytes: raise prometheus.max_response_size, or is prometheus.url wrong?`,
  );
}

/** The content type does not decide, since some proxies lose it; it only tells a broken answer from a foreign one. */
function brokenText(error: JsonError, head: string, { contentType, endpoint }: AlertsResponse): PrometheusError {
  const isJson = /[/+]json\s*(?:;|$)/i.test(contentType ?? '');
  return isJson ? badJson(error, endpoint) : notJson(head, contentType, endpoint);
}

function badJson({ message }: JsonError, endpoint: PrometheusEndpoint): PrometheusError {
  return new PrometheusError(
    'bad_json',
    `Prometheus at ${endpoint.address} answered with JSON that does not parse (${endpoint.quote(message)}): does a proxy between change or cut it?`,
  );
}

function notJson(text: string, contentType: string | null, endpoint: PrometheusEndpoint): PrometheusError {
  const type = contentType === null ? 'no content type' : endpoint.quote(contentType);
  return new PrometheusError(
    'not_json',
    `Prometheus at ${endpoint.address} answered with ${type} instead of JSON ("${endpoint.quote(text)}"): is prometheus.url right, or does a login page stand before it?`,
  );
}

/** {@link FiringList} checks the elements of the list of alerts. */
function checkEnvelope(envelope: unknown, endpoint: PrometheusEndpoint): void {
  if (!isJsonObject(envelope)) throw badShape('the answer', 'an object', envelope, endpoint);
  if (envelope['status'] === 'error') throw errorStatus(envelope, endpoint);
  if (envelope['status'] !== 'success') throw badShape('status', '"success" or "error"', envelope['status'], endpoint);
  refuseWarnings(envelope['warnings'] ?? [], endpoint);
  const data = envelope['data'];
  if (!isJsonObject(data)) throw badShape('data', 'an object', data, endpoint);
  // Go writes a list that was never filled as null.
  const alerts = data['alerts'] === null ? [] : data['alerts'];
  if (!Array.isArray(alerts)) throw badShape('data.alerts', 'a list', alerts, endpoint);
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
