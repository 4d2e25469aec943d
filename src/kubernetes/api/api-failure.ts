import { excerpt } from '../../text/excerpt.ts';
import { byWayOf } from '../../proxy/proxy-environment.ts';
import { ApiError } from './api-error.ts';
import type { Access } from './credentials.ts';
import { missingRight } from './missing-right.ts';

/** Of a sentence of the API server so much is quoted, characters: what a policy says may take a few lines. */
const maxQuoted = 600;

/** What of a call a message names. */
export interface CallName {
  readonly method: string;
  readonly path: string;
}

/** The answer of the API server that is no success, as an error. Status objects are read, anything else is quoted. */
export function statusFailure(call: CallName, status: number, text: string, retryAfter: string | undefined): ApiError {
  const { reason, message, retryAfterSeconds } = readStatus(text);
  const quoted = message === undefined ? excerpt(text) : excerpt(message, maxQuoted);
  const detail = quoted === '' ? '' : `: ${quoted}`;
  return new ApiError(`${call.method} ${call.path}: ${status} ${reason ?? 'Unknown'}${detail}`, {
    status,
    reason: reason ?? 'Unknown',
    retryAfterMs: retryAfterMs(retryAfter, retryAfterSeconds),
    missingRight: status === 403 && message !== undefined ? missingRight(message) : undefined,
  });
}

/** A call that got no answer, or the end of one, from the network. */
export function networkFailure(
  call: CallName,
  access: Pick<Access, 'server' | 'proxy'> | undefined,
  error: unknown,
  answered: boolean,
): ApiError {
  const what = answered ? 'the answer broke off' : `no answer from ${access?.server}${byWayOf(access?.proxy)}`;
  const detail = describe(error) + withoutProxy(access);
  return new ApiError(`${call.method} ${call.path}: ${what}: ${detail}`, {
    reason: answered ? 'Truncated' : 'Unreachable',
    cause: error,
  });
}

/** Whoever sets the variables for the internet forgets that the API server is not there. */
function withoutProxy(access: Pick<Access, 'server' | 'proxy'> | undefined): string {
  if (access?.proxy === undefined || !/_proxy$/i.test(access.proxy.namedBy)) return '';
  return `; if it is to be reached without the proxy, NO_PROXY has to name ${new URL(access.server).hostname}`;
}

/** The delay in seconds of a Retry-After header, as the API server sends it; a date is not read. */
function retryAfterMs(header: string | undefined, detail: number | undefined): number | undefined {
  const seconds = header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) : detail;
  return seconds === undefined ? undefined : seconds * 1000;
}

interface Status {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

function readStatus(text: string): Status {
  const found = parseObject(text);
  if (found?.['kind'] !== 'Status') return {};
  const { reason, message, details } = found;
  const seconds = (details as { readonly retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds;
  return {
    reason: typeof reason === 'string' && /^\w{1,64}$/.test(reason) ? reason : undefined,
    message: typeof message === 'string' ? message : undefined,
    retryAfterSeconds: typeof seconds === 'number' && seconds > 0 ? seconds : undefined,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The innermost message, with its code: what is outside says no more than that it failed. */
function describe(error: unknown): string {
  let inner = error;
  for (let next = inner; next instanceof Error; next = innerError(next)) inner = next;
  if (!(inner instanceof Error)) return excerpt(String(inner));
  const { code } = inner as NodeJS.ErrnoException;
  const text = excerpt(inner.message) || 'no reason given';
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}

/** A host with several addresses fails with one error for each: the last tells enough. */
function innerError(error: Error): unknown {
  return error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error.cause;
}
