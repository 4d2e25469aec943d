import { maskUrls } from '../runtime/masked-url.ts';
import { excerpt } from '../text/bounded-body.ts';

/** How messages name a server, and the keys of the configuration that say how it is reached. */
export interface ServerWords {
  /** Such as `Prometheus`. */
  readonly name: string;
  /** The key of its URL, such as `prometheus.url`. */
  readonly url: string;
  /** The key of its `http_config`. */
  readonly httpConfig: string;
}

/** Every way in which a call can fail on its way, whatever server it is for. */
export type FailureKind = 'refused' | 'dns' | 'tls' | 'timeout' | 'reset' | 'truncated' | 'network';

/** A server could not be reached. The message is one sentence for the log. It holds no credentials. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly kind: FailureKind | 'unreadable_file';

  constructor(kind: OutboundError['kind'], message: string, options?: ErrorOptions) {
    super(maskUrls(message), options);
    this.kind = kind;
  }
}

/** The words with which an address names its proxy. */
const byWay = ' by way of the proxy ';

/** `connect` until the headers of the answer arrive, `body` from then on. */
export type FetchPhase = 'connect' | 'body';

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
export function describeFetchFailure(
  error: unknown,
  phase: FetchPhase,
  address: string,
  words: ServerWords,
): OutboundError {
  const chain = causes(error);
  const kind = failureKind(chain, phase);
  return new OutboundError(kind, sentence[kind](address, detail(chain, kind), words), { cause: error });
}

const sentence: Readonly<Record<FailureKind, (address: string, detail: string, words: ServerWords) => string>> = {
  refused: (address, code, { name, url }) =>
    `${name} at ${address} refused the connection (${code}): is it running, and is ${url} right?`,
  dns: (address, code, { name, url }) =>
    `The host name of ${name} at ${address} does not resolve (${code}): is ${url} right, and does DNS work here?`,
  tls: tlsFailure,
  timeout: (address, code, { name }) =>
    `${name} at ${address} did not answer in time (${code}): is it reachable from here?`,
  reset: (address, code, { name }) =>
    `${name} at ${address} closed the connection without an answer (${code}): is it just restarting, are http and https mixed up, ${address.startsWith('https:') ? 'does it want a client certificate, ' : ''}or is something else listening there?`,
  truncated: (address, code, { name }) =>
    `${name} at ${address} closed the connection in the middle of its answer (${code}): is it just restarting, or does a proxy between cut it off?`,
  network: (address, message, { name, url }) =>
    `The call of ${name} at ${address} failed (${message}): check ${address.includes(byWay) ? 'that proxy and what it lets through; NO_PROXY names the hosts that are asked without it' : `${url} and the network between`}.`,
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
const tlsRemedies = ({ url, httpConfig }: ServerWords): readonly (readonly [RegExp, string])[] => [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: have it renewed there, or is the clock of this machine wrong?'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: is the clock of this machine or of that one wrong?'],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    `its certificate is for another host name: ask it by a name that is in the certificate, or set server_name in ${httpConfig}.tls_config`,
  ],
  [
    /^UNABLE_TO_|SELF_SIGNED|ISSUER|^INVALID_CA$|^CERT_UNTRUSTED$/,
    `its certificate is not signed by an authority that is trusted here: set ca_file in ${httpConfig}.tls_config (NODE_EXTRA_CA_CERTS adds one for the whole process)`,
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    `it wants a client certificate: set cert_file and key_file in ${httpConfig}.tls_config`,
  ],
  [
    /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_|UNSUPPORTED_CERTIFICATE)/,
    `it does not accept the client certificate: is cert_file in ${httpConfig}.tls_config signed by the authority that it trusts, and still valid?`,
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE/,
    `it speaks no version of TLS that is allowed here: see min_version and max_version in ${httpConfig}.tls_config`,
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    `it does not speak TLS there: is it http, not https, in ${url}?`,
  ],
  [/./, 'does it speak https there, and is its certificate trusted?'],
];

/** One sentence: which server it is, what is wrong, what to do. */
export function tlsFailure(address: string, code: string, words: ServerWords): string {
  const remedy = tlsRemedies(words).find(([pattern]) => pattern.test(code))?.[1] ?? '';
  return `${words.name} at ${address} cannot be reached over TLS (${code}): ${remedy}`;
}
