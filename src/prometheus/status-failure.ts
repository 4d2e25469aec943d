import { readBoundedBody } from '../text/bounded-body.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';

/** More than any error text of Prometheus; a proxy's error page may be longer, its beginning is enough. */
const maxErrorBytes = 16 * 1024;

/** What an answer other than 200 means. Reads the beginning of the body where it may say more than the status. */
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

/** Only scheme, host and path: user, password and query may be secrets. */
function shownLocation(location: string, endpoint: PrometheusEndpoint): string {
  const target = URL.parse(location, endpoint.url);
  return target === null
    ? 'an address that is no URL'
    : endpoint.quote(`${target.protocol}//${target.host}${target.pathname}`);
}

/** 401 is about who asks, 403 about what they may: that is as often a policy between as the credentials. */
function unauthorizedFailure(
  status: 401 | 403,
  text: string,
  { address, authorization }: PrometheusEndpoint,
): PrometheusError {
  const remedies =
    authorization === undefined
      ? {
          401: 'it wants credentials: set basic_auth or authorization in prometheus.http_config.',
          403: 'it refuses who asks without credentials: allow it there, or set basic_auth or authorization in prometheus.http_config if it takes some.',
        }
      : {
          401: 'it does not accept the credentials of prometheus.http_config or prometheus.url: are they right?',
          403: 'it refuses who asks with the credentials of prometheus.http_config or prometheus.url: allow reading alerts there, or give others.',
        };
  return new PrometheusError(
    'unauthorized',
    `Prometheus at ${address} answered ${said(status, text)}: ${remedies[status]}`,
  );
}

function notFoundFailure(text: string, { address }: PrometheusEndpoint): PrometheusError {
  return new PrometheusError(
    'not_found',
    `Prometheus at ${address} has no /api/v1/alerts, it answered ${said(404, text)}: is a path prefix missing in prometheus.url, or is that not a Prometheus?`,
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

/** The `error` of Prometheus's envelope, or else whatever text there is. */
async function errorText({ body }: Response, endpoint: PrometheusEndpoint): Promise<string> {
  try {
    const { text } = await readBoundedBody(body, maxErrorBytes);
    return endpoint.quote(envelopeError(text) ?? text);
  } catch {
    // The status is the news; that its explanation could not be read does not change the kind of the failure.
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
