import { maskUrls } from '../runtime/masked-url.ts';
import { excerpt, readBoundedBody } from '../text/bounded-body.ts';
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

/** The words with which an address names its proxy. */
const byWay = ' by way of the proxy ';

/** `connect` until the headers of the answer arrive, `body` from then on. */
export type FetchPhase = 'connect' | 'body';

type FailureKind = Extract<
  PrometheusErrorKind,
  'refused' | 'dns' | 'tls' | 'timeout' | 'reset' | 'truncated' | 'network'
>;

/**
 * The meaning of the codes of Node's sockets, of its TLS (with OpenSSL's names of certificate problems) and of its fetch.
 * The first match counts.
 */
const kindOfCode: readonly (readonly [RegExp, FailureKind])[] = [
  [/^ECONNREFUSED$/, 'refused'],
  [/^(?:ENOTFOUND|EAI_\w+)$/, 'dns'],
  [/^(?:ERR_SSL_|ERR_TLS_|EPROTO$|UNABLE_TO_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)|CERT|CRL/, 'tls'],
  [/^(?:ETIMEDOUT|UND_ERR_\w+_TIMEOUT)$/, 'timeout'],
  [/^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
];

/** The meaning of a failed fetch, or of a failure while its body was read. */
export function fetchFailure(error: unknown, phase: FetchPhase, address: string): PrometheusError {
  const chain = causes(error);
  const kind = failureKind(chain, phase);
  return new PrometheusError(kind, sentence[kind](address, detail(chain, kind)), { cause: error });
}

const sentence: Readonly<Record<FailureKind, (address: string, detail: string) => string>> = {
  refused: (address, code) =>
    `Prometheus at ${address} refused the connection (${code}): is it running, and is prometheus.url right?`,
  dns: (address, code) =>
    `The host name of Prometheus at ${address} does not resolve (${code}): is prometheus.url right, and does DNS work here?`,
  tls: tlsFailure,
  timeout: (address, code) => `Prometheus at ${address} did not answer in time (${code}): is it reachable from here?`,
  reset: (address, code) =>
    `Prometheus at ${address} closed the connection without an answer (${code}): is it just restarting, are http and https mixed up, ${address.startsWith('https:') ? 'does it want a client certificate, ' : ''}or is something else listening there?`,
  truncated: (address, code) =>
    `Prometheus at ${address} closed the connection in the middle of its answer (${code}): is it just restarting, or does a proxy between cut it off?`,
  network: (address, message) =>
    `The query of Prometheus at ${address} failed (${message}): check ${address.includes(byWay) ? 'that proxy and what it lets through; NO_PROXY names the hosts that are asked without it' : 'prometheus.url and the network between'}.`,
};

function failureKind(chain: readonly Error[], phase: FetchPhase): FailureKind {
  const codes = chain.map(errorCode).filter((code) => code !== undefined);
  const kind = kindOfCode.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1] ?? 'network';
  return kind === 'reset' && phase === 'body' ? 'truncated' : kind;
}

function detail(chain: readonly Error[], kind: FailureKind): string {
  const root = chain.at(-1);
  const code = chain.map(errorCode).findLast((found) => found !== undefined);
  return excerpt((kind === 'network' ? root?.message : code) || 'no reason given');
}

function errorCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The error and its causes, outermost first: fetch itself says no more than "fetch failed". */
function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && !chain.includes(next); next = innerError(next)) chain.push(next);
  return chain;
}

/** A host with several addresses fails with one error for each; the last error says enough. */
function innerError(error: Error): unknown {
  return error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error.cause;
}

/** What is wrong with a TLS connection, and what to do, by the code of Node or OpenSSL. The first match counts. */
const tlsRemedies: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: have it renewed there, or is the clock of this machine wrong?'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: is the clock of this machine or of that one wrong?'],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    'its certificate is for another host name: ask it by a name that is in the certificate, or set server_name in prometheus.http_config.tls_config',
  ],
  [
    /^UNABLE_TO_|SELF_SIGNED|ISSUER|^INVALID_CA$|^CERT_UNTRUSTED$/,
    'its certificate is not signed by an authority that is trusted here: set ca_file in prometheus.http_config.tls_config (NODE_EXTRA_CA_CERTS adds one for the whole process)',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    'it wants a client certificate: set cert_file and key_file in prometheus.http_config.tls_config',
  ],
  [
    /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_|UNSUPPORTED_CERTIFICATE)/,
    'it does not accept the client certificate: is cert_file in prometheus.http_config.tls_config signed by the authority that it trusts, and still valid?',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE/,
    'it speaks no version of TLS that is allowed here: see min_version and max_version in prometheus.http_config.tls_config',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    'it does not speak TLS there: is it http, not https, in prometheus.url?',
  ],
  [/./, 'does it speak https there, and is its certificate trusted?'],
];

/** One sentence: which Prometheus it is, what is wrong, what to do. */
export function tlsFailure(address: string, code: string): string {
  const remedy = tlsRemedies.find(([pattern]) => pattern.test(code))?.[1] ?? '';
  return `Prometheus at ${address} cannot be reached over TLS (${code}): ${remedy}`;
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
