import { maskUrls } from '../../runtime/masked-url.ts';
import { excerpt } from '../../text/bounded-body.ts';
import { byWayOf } from '../../outbound/proxy-environment.ts';
import type { Access } from './credentials.ts';

interface ApiErrorOptions extends ErrorOptions {
  /** The HTTP status; undefined if there was no answer. */
  readonly status?: number | undefined;
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
  readonly missingRight?: MissingRight | undefined;
}

/**
 * A failed call of the API server. The message is one line for the log: the verb, the path, and what was wrong.
 * It never holds credentials.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /**
   * The `reason` of the Kubernetes Status (`NotFound`, `Conflict`, `Forbidden`, `Expired`, …), or if there is none:
   * `Unreachable`, `Timeout`, `Truncated`, `TooLarge`, `NotJson`, `Credentials`, or `Unknown`; for a watch also `Idle` and `Ended`;
   * `ClusterScoped` for a namespace that the resource does not have; `Defect` for an error of our own.
   */
  readonly reason: string;
  /** How long the server asks to wait before the next try, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** For a 403: the right that the server says is missing; undefined if it gives another reason. */
  readonly missingRight: MissingRight | undefined;

  constructor(message: string, { status, reason, retryAfterMs, missingRight, cause }: ApiErrorOptions) {
    super(maskUrls(message), { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.missingRight = missingRight;
  }
}

/** The most characters that a message quotes of the API server's text: the text of a policy may take a few lines. */
const maxQuoted = 600;

/** The parts of a call that a message names. */
interface CallName {
  readonly method: string;
  readonly path: string;
}

/** Turns an answer other than a success into an error. It reads Status objects, and quotes anything else. */
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

/** The error of a call to which the network delivered no answer, or only a part of it. */
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

/** People who set the variables for the internet forget that the API server is not on it. */
function withoutProxy(access: Pick<Access, 'server' | 'proxy'> | undefined): string {
  if (access?.proxy === undefined || !/_proxy$/i.test(access.proxy.namedBy)) return '';
  return `; if it is to be reached without the proxy, NO_PROXY has to name ${new URL(access.server).hostname}`;
}

/** The delay of a Retry-After header in seconds, which is what the API server sends; a date is ignored. */
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

/** The innermost message, with its code: the outer errors say no more than that the call failed. */
function describe(error: unknown): string {
  let inner = error;
  for (let next = inner; next instanceof Error; next = innerError(next)) inner = next;
  if (!(inner instanceof Error)) return excerpt(String(inner));
  const { code } = inner as NodeJS.ErrnoException;
  const text = excerpt(inner.message) || 'no reason given';
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}

/** A host with several addresses fails with one error for each; the last error says enough. */
function innerError(error: Error): unknown {
  return error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error.cause;
}

/** A missing right, in RBAC's words. */
export interface MissingRight {
  readonly verb: string;
  /** Including its subresource and group, as kubectl names it: `tracepipelines/status.telemetry.kyma-project.io`. */
  readonly resource: string;
}

/**
 * `tracepipelines.example.com "cls" is forbidden: User "me" cannot patch resource "tracepipelines/status" in API group
 * "example.com" at the cluster scope`. The API server itself writes this beginning, whichever authorizer refuses. The text of an
 * admission plugin also follows the colon, but never begins with a user.
 */
const sentence =
  /^(?:[\w.-]+(?:\/[\w.-]+)?(?: "(?:[^"\\]|\\.)*")? is )?forbidden: User "(?:[^"\\]|\\.)*" cannot (\w+) resource "([\w./-]+)" in API group "([\w.-]*)"/;

/**
 * The right that the message of a 403 says is missing. Undefined if it names none: then an admission policy, a terminating namespace
 * or something in between refused, and no right would help.
 */
export function readMissingRight(message: string): MissingRight | undefined {
  const [, verb, resource, group] = sentence.exec(message) ?? [];
  if (verb === undefined || resource === undefined) return undefined;
  return { verb, resource: group ? `${resource}.${group}` : resource };
}
