import type { JsonError } from '../text/json-scanner.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

/** A 200 of Prometheus, as far as a message names it. */
interface Answer {
  readonly contentType: string | null;
  readonly endpoint: PrometheusEndpoint;
}

export function tooLarge({
  endpoint,
  maxResponseBytes,
}: Answer & { readonly maxResponseBytes: number }): PrometheusError {
  return new PrometheusError(
    'too_large',
    `The answer of Prometheus at ${endpoint.address} is larger than ${maxResponseBytes} bytes: raise prometheus.max_response_size, or is prometheus.url wrong?`,
  );
}

/** The content type does not decide, since some proxies lose it; it only tells a broken answer from a foreign one. */
export function brokenText(error: JsonError, head: string, { contentType, endpoint }: Answer): PrometheusError {
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

/** The answer is JSON, but not of the shape that Prometheus writes. */
export function badShape(
  path: string,
  expected: string,
  found: unknown,
  endpoint: PrometheusEndpoint,
): PrometheusError {
  return new PrometheusError(
    'bad_shape',
    `Prometheus at ${endpoint.address} answered with JSON of another shape (${endpoint.quote(path)} is ${shapeOf(found, endpoint)}, not ${expected}): is prometheus.url right, and is that a Prometheus?`,
  );
}

/** Describes a value for a message: its type, and the beginning of a text. */
export function shapeOf(value: unknown, endpoint: PrometheusEndpoint): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `"${endpoint.quote(value)}"`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}

export function errorStatus(
  { errorType, error }: Readonly<Record<string, unknown>>,
  endpoint: PrometheusEndpoint,
): PrometheusError {
  const type = typeof errorType === 'string' ? endpoint.quote(errorType) : 'no error type';
  const text = typeof error === 'string' ? endpoint.quote(error) : 'no error text';
  return new PrometheusError(
    'error_status',
    `Prometheus at ${endpoint.address} could not answer ${endpoint.path} (${type}: ${text}): its own log says more.`,
  );
}

export function partialAnswer(warnings: readonly unknown[], endpoint: PrometheusEndpoint): PrometheusError {
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
  return new PrometheusError(
    'partial',
    `Prometheus at ${endpoint.address} answered with ${count}, the first ${shapeOf(warnings[0], endpoint)}, so alerts may be missing in its answer: is everything up that it asks itself, as Thanos asks its rulers?`,
  );
}
