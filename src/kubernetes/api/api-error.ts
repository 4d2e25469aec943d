import { maskUrls } from '../../runtime/masked-url.ts';
import { excerpt } from '../../text/bounded-body.ts';
import { byWayOf } from '../../outbound/proxy-environment.ts';
import type { Access } from './credentials.ts';

interface ApiErrorOptions extends ErrorOptions {
  /** The HTTP status; undefined if no answer came. */
  readonly status?: number | undefined;
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
  readonly missingRight?: MissingRight | undefined;
}

/**
 * A call of the API server that failed. The message is one line for the log: verb, path, and what was wrong.
 * It never holds credentials.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status; undefined if no answer came. */
  readonly status: number | undefined;
  /**
   * The `reason` of the Kubernetes Status (`NotFound`, `Conflict`, `Forbidden`, `Expired`, …), or where there is none:
   * `Unreachable`, `Timeout`, `Truncated`, `TooLarge`, `NotJson`, `Credentials`, or `Unknown`; of a watch also `Idle` and `Ended`;
   * `ClusterScoped` for a namespace that the resource does not have; `Defect` for an error of our own.
   */
  readonly reason: string;
  /** How long the server asks to wait before the next try, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Of a 403: the right that the server says is missing; undefined where it gives another reason. */
  readonly missingRight: MissingRight | undefined;

  constructor(message: string, { status, reason, retryAfterMs, missingRight, cause }: ApiErrorOptions) {
    super(maskUrls(message), { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.missingRight = missingRight;
  }
}

/** Of a sentence of the API server so much is quoted, characters: what a policy says may take a few lines. */
const maxQuoted = 600;

/** What of a call a message names. */
interface CallName {
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
    retryAfterMs: readRetryAfter(retryAfter, retryAfterSeconds),
    missingRight: status === 403 && message !== undefined ? readMissingRight(message) : undefined,
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
function readRetryAfter(header: string | undefined, detail: number | undefined): number | undefined {
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

/** A right that somebody lacks, in RBAC's words. */
export interface MissingRight {
  readonly verb: string;
  /** With its subresource and group, as kubectl names it: `tracepipelines/status.telemetry.kyma-project.io`. */
  readonly resource: string;
}

/**
 * `tracepipelines.example.com "cls" is forbidden: User "me" cannot patch resource "tracepipelines/status" in API group
 * "example.com" at the cluster scope`. The API server itself writes this beginning, whichever authorizer refuses. What an
 * admission plugin says stands behind the colon too, but never begins with a user.
 */
const sentence =
  /^(?:[\w.-]+(?:\/[\w.-]+)?(?: "(?:[^"\\]|\\.)*")? is )?forbidden: User "(?:[^"\\]|\\.)*" cannot (\w+) resource "([\w./-]+)" in API group "([\w.-]*)"/;

/**
 * The right that the message of a 403 says is missing. Undefined if it names none: then an admission policy, a namespace that
 * goes away or something between refused, and no right would help.
 */
export function readMissingRight(message: string): MissingRight | undefined {
  const [, verb, resource, group] = sentence.exec(message) ?? [];
  if (verb === undefined || resource === undefined) return undefined;
  return { verb, resource: group ? `${resource}.${group}` : resource };
}
