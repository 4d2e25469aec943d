import type { IncomingMessage, ServerResponse } from 'node:http';
import { BatchError } from '../alert/postable/postable-alert.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import { refuse, Refusal } from '../server/request/answer.ts';
import type { HttpMetrics } from '../server/request/http-metrics.ts';
import { NotStoredError, SilenceError } from '../silence/silence-rules.ts';

/** Answers a request that failed, counts the limit that it reached, and returns the status. */
export function refuseRequest(
  { method = '' }: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  metrics: Pick<HttpMetrics, 'limitReached'>,
): number {
  const refusal = refusalOf(error, method);
  if (refusal instanceof Refusal && refusal.limit !== undefined) metrics.limitReached(refusal.limit);
  return refuse(response, refusal);
}

/** Turns an error of alerts, silences or matchers into a refusal for the client. It returns every other error unchanged. */
function refusalOf(error: unknown, method: string): unknown {
  if (error instanceof BatchError) return new Refusal(error.status, error.message, { code: error.code });
  if (error instanceof MatcherError) return new Refusal(400, error.message, { shape: 'string', limit: error.limit });
  if (error instanceof NotStoredError) return new Refusal(500, error.message, { shape: 'string' });
  return error instanceof SilenceError ? silenceRefusal(error, method) : error;
}

function silenceRefusal({ status, code, message, limit }: SilenceError, method: string): Refusal {
  if (code !== undefined) return new Refusal(status, message, { code, limit });
  return new Refusal(status, message, { shape: status === 404 && method !== 'POST' ? 'empty' : 'string', limit });
}

/** Throws a Refusal for a body with a type other than JSON. */
export function requireJson({ headers }: IncomingMessage): void {
  const problem = mediaTypeProblem(headers['content-type']);
  if (problem !== undefined) throw new Refusal(problem.status, problem.message);
}

/** Throws a Refusal for a client that does not accept JSON. */
export function requireAcceptsJson({ headers }: IncomingMessage): void {
  if (!acceptsJson(headers.accept))
    throw new Refusal(406, 'unsupported media type requested, only [application/json] are available');
}

/** The reason why a body with this Content-Type is not read. */
interface MediaTypeProblem {
  readonly status: 400 | 415;
  readonly message: string;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaType = new RegExp(
  `^\\s*(${token}/${token})\\s*((?:;\\s*${token}\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")\\s*)*;?\\s*)$`,
);

const parameterName = new RegExp(`;\\s*(${token})\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")`, 'g');

/**
 * The check of Alertmanager 0.33 and newer: only `application/json` passes, in any letter case, with any well-formed parameters.
 * Undefined if it passes.
 * @param header undefined or '' if there is none, which counts as application/octet-stream
 */
export function mediaTypeProblem(header: string | undefined): MediaTypeProblem | undefined {
  // The header of every Prometheus.
  if (header === 'application/json') return undefined;
  const given = header === undefined || header.trim() === '' ? 'application/octet-stream' : header;
  const match = given.length <= 1024 ? mediaType.exec(given) : null;
  if (match === null) {
    const shown = JSON.stringify(given.slice(0, 100));
    return { status: 400, message: `parsing Content-Type header from ${shown} failed: expected application/json` };
  }
  if (repeatsParameter(match[2]!)) {
    return { status: 400, message: 'parsing Content-Type header failed: a parameter is given twice' };
  }
  const type = match[1]!.toLowerCase();
  if (type === 'application/json') return undefined;
  const allowed = `unsupported media type "${type}", only [application/json] are allowed`;
  return { status: 415, message: `${allowed}; with curl, add: -H 'Content-Type: application/json'` };
}

function repeatsParameter(parameters: string): boolean {
  const names = [...parameters.matchAll(parameterName)].map(([, name]) => name!.toLowerCase());
  return new Set(names).size < names.length;
}

/**
 * True if a request accepts JSON: one of its types is JSON or a star in its place, with a weight above 0. The rule is that of
 * github.com/go-openapi/runtime: a star counts even if JSON itself has the weight 0.
 */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined) return true;
  return header.split(',').some((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return ['application/json', 'application/*', '*/*'].includes(type) && !parameters.some((text) => isZero(text));
  });
}

function isZero(parameter: string): boolean {
  return /^q=0(?:\.0*)?$/.test(parameter);
}
