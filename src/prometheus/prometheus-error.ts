import { describeFetchFailure, OutboundError, type FetchPhase, type ServerWords } from '../outbound/fetch-failure.ts';
import { maskUrls } from '../runtime/masked-url.ts';
import { readBoundedBody } from '../text/bounded-body.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';

/** Every way in which a query of Prometheus can fail. The set is closed, so that it can be the label `result` of a metric. */
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
 * Prometheus could not be asked, or its answer cannot be trusted. The message is one sentence for the log: what was wrong, at which
 * address, and what to do. It never holds credentials, whatever the server sent.
 */
export class PrometheusError extends Error {
  override readonly name = 'PrometheusError';
  readonly kind: PrometheusErrorKind;

  constructor(kind: PrometheusErrorKind, message: string, options?: ErrorOptions) {
    super(maskUrls(message), options);
    this.kind = kind;
  }
}

/** How messages name Prometheus, and the keys that say how it is reached. */
export const prometheusWords: ServerWords = {
  name: 'Prometheus',
  url: 'prometheus.url',
  httpConfig: 'prometheus.http_config',
};

/** The meaning of a failed fetch, or of a failure while its body was read. */
export function fetchFailure(error: unknown, phase: FetchPhase, address: string): PrometheusError {
  return asPrometheusError(describeFetchFailure(error, phase, address, prometheusWords));
}

/** A failure on the way to Prometheus is a failure of the query. Other errors stay what they are. */
export function asPrometheusError(error: OutboundError): PrometheusError;
export function asPrometheusError(error: unknown): unknown;
export function asPrometheusError(error: unknown): unknown {
  return error instanceof OutboundError
    ? new PrometheusError(error.kind, error.message, { cause: error.cause })
    : error;
}

/** Longer than any error text of Prometheus. A proxy's error page may be longer, but its beginning is enough. */
const maxErrorBytes = 16 * 1024;

/** The meaning of an answer other than 200. Reads the beginning of the body where it may say more than the status. */
export async function statusFailure(response: Response, endpoint: PrometheusEndpoint): Promise<PrometheusError> {
  const { status } = response;
  if (status >= 300 && status < 400) return redirectFailure(response, endpoint);
  const text = await errorText(response, endpoint);
  if (status === 401 || status === 403) return unauthorizedFailure(status, text, endpoint);
  return status === 404 ? notFoundFailure(text, endpoint) : httpFailure(status, text, endpoint);
}

function redirectFailure({ status, headers }: Response, endpoint: PrometheusEndpoint): PrometheusError {
  const location = headers.get('location');
  const where = location === null ? 'without saying where to' : `to ${shownLocation(location, endpoint)}`;
  return new PrometheusError(
    'redirect',
    `Prometheus at ${endpoint.address} redirects ${where} (${status}), which is not followed: set prometheus.url to where it really is.`,
  );
}

/** Only the scheme, host and path: the user, password and query may be secrets. */
function shownLocation(location: string, endpoint: PrometheusEndpoint): string {
  const target = URL.parse(location, endpoint.url);
  return target === null
    ? 'an address that is no URL'
    : endpoint.quote(`${target.protocol}//${target.host}${target.pathname}`);
}

/** A 401 is about who asks, a 403 about what they may do: an intermediate policy causes it as often as the credentials do. */
function unauthorizedFailure(
  status: 401 | 403,
  text: string,
  { address, authorization }: PrometheusEndpoint,
): PrometheusError {
  const remedies =
    authorization === undefined
      ? {
          401: 'it wants credentials: set basic_auth or authorization in prometheus.http_config.',
          403: 'it refuses requests without credentials: allow them there, or set basic_auth or authorization in prometheus.http_config if it accepts credentials.',
        }
      : {
          401: 'it does not accept the credentials of prometheus.http_config or prometheus.url: are they right?',
          403: 'it refuses requests with the credentials of prometheus.http_config or prometheus.url: allow reading alerts there, or set other credentials.',
        };
  return new PrometheusError(
    'unauthorized',
    `Prometheus at ${address} answered ${said(status, text)}: ${remedies[status]}`,
  );
}

function notFoundFailure(text: string, { address, path }: PrometheusEndpoint): PrometheusError {
  return new PrometheusError(
    'not_found',
    `Prometheus at ${address} has no ${path}, it answered ${said(404, text)}: is a path prefix missing in prometheus.url, or is that not a Prometheus?`,
  );
}

function httpFailure(status: number, text: string, { address }: PrometheusEndpoint): PrometheusError {
  const hint =
    status >= 500
      ? 'is it starting, overloaded or behind a broken proxy?'
      : 'is prometheus.url right, and does that server allow the query?';
  return new PrometheusError('http_error', `Prometheus at ${address} answered ${said(status, text)}: ${hint}`);
}

function said(status: number, text: string): string {
  return `${status} ${text === '' ? 'without a reason' : `"${text}"`}`;
}

/** The `error` of Prometheus's envelope, or whatever text there is instead. */
async function errorText({ body }: Response, endpoint: PrometheusEndpoint): Promise<string> {
  try {
    const { text } = await readBoundedBody(body, maxErrorBytes);
    return endpoint.quote(envelopeError(text) ?? text);
  } catch {
    // The status is what counts; an unreadable explanation does not change the kind of the failure.
    return '';
  }
}

function envelopeError(text: string): string | undefined {
  try {
    const envelope: unknown = JSON.parse(text);
    if (typeof envelope !== 'object' || envelope === null || !('error' in envelope)) return undefined;
    return typeof envelope.error === 'string' ? envelope.error : undefined;
  } catch {
    return undefined;
  }
}
