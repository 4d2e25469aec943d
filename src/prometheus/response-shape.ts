import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The answer is JSON, but not what Prometheus writes. */
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

/** What stands in a place, for a message: what it is, and of a text its beginning. */
export function shapeOf(value: unknown, endpoint: PrometheusEndpoint): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `"${endpoint.quote(value)}"`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
