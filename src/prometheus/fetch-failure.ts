import { excerpt } from '../text/excerpt.ts';
import { PrometheusError, type PrometheusErrorKind } from './prometheus-error.ts';
import { tlsFailure } from './tls-failure.ts';

/** As the address names a proxy. */
const byWay = ' by way of the proxy ';

/** `connect` until the headers of the answer are there, `body` from then on. */
export type FetchPhase = 'connect' | 'body';

type FailureKind = Extract<
  PrometheusErrorKind,
  'refused' | 'dns' | 'tls' | 'timeout' | 'reset' | 'truncated' | 'network'
>;

/**
 * Codes of Node's sockets, of its TLS (with OpenSSL's names of what can be wrong with a certificate) and of its fetch,
 * by what they mean. The first that fits counts.
 */
const kindOfCode: readonly (readonly [RegExp, FailureKind])[] = [
  [/^ECONNREFUSED$/, 'refused'],
  [/^(?:ENOTFOUND|EAI_\w+)$/, 'dns'],
  [/^(?:ERR_SSL_|ERR_TLS_|EPROTO$|UNABLE_TO_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)|CERT|CRL/, 'tls'],
  [/^(?:ETIMEDOUT|UND_ERR_\w+_TIMEOUT)$/, 'timeout'],
  [/^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
];

/** What the failure of a fetch, or of reading its body, means. */
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
    `The query of Prometheus at ${address} failed (${message}): check ${address.includes(byWay) ? 'that proxy and what it lets through; NO_PROXY names who is asked without it' : 'prometheus.url and the network between'}.`,
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

/** The error and what caused it, outermost first: fetch says no more than "fetch failed" itself. */
function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && !chain.includes(next); next = innerError(next)) chain.push(next);
  return chain;
}

/** A host with several addresses fails with one error for each: the last tells enough. */
function innerError(error: Error): unknown {
  return error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error.cause;
}
