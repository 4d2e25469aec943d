import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccessError } from '../access/rights.ts';
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

/** Throws a Refusal while it is not known which silences there are: none must not be taken for all. */
export function requireKnown(unknown: string | undefined): void {
  if (unknown !== undefined) throw new Refusal(503, unknown, { shape: 'string' });
}

/** Turns an error of alerts, silences or matchers into a refusal for the client. It returns every other error unchanged. */
function refusalOf(error: unknown, method: string): unknown {
  if (error instanceof BatchError) return new Refusal(error.status, error.message, { code: error.code });
  if (error instanceof MatcherError) return new Refusal(400, error.message, { shape: 'string', limit: error.limit });
  if (error instanceof AccessError) return new Refusal(error.status, error.message, { shape: 'string' });
  if (error instanceof NotStoredError) return new Refusal(500, error.message, { shape: 'string' });
  return error instanceof SilenceError ? silenceRefusal(error, method) : error;
}

function silenceRefusal({ status, code, message, limit }: SilenceError, method: string): Refusal {
  if (code !== undefined) return new Refusal(status, message, { code, limit });
  return new Refusal(status, message, { shape: status === 404 && method !== 'POST' ? 'empty' : 'string', limit });
}
