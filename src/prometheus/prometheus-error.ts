import { maskUrls } from '../runtime/masked-url.ts';

/** Every way in which a query of Prometheus can fail: a closed set, so that it can be the label `result` of a metric. */
export const prometheusErrorKinds = [
  'refused',
  'dns',
  'tls',
  'timeout',
  'reset',
  'truncated',
  'redirect',
  'unauthorized',
  'not_found',
  'http_error',
  'not_json',
  'bad_json',
  'error_status',
  'partial',
  'bad_shape',
  'too_large',
  'unreadable_file',
  'network',
] as const;

export type PrometheusErrorKind = (typeof prometheusErrorKinds)[number];

/**
 * Prometheus could not be asked, or gave no answer that can be believed. The message is one sentence for the log: what
 * was wrong, at which address, and what to do. It never holds credentials, whatever the server sent.
 */
export class PrometheusError extends Error {
  override readonly name = 'PrometheusError';
  readonly kind: PrometheusErrorKind;

  constructor(kind: PrometheusErrorKind, message: string, options?: ErrorOptions) {
    super(maskUrls(message), options);
    this.kind = kind;
  }
}
