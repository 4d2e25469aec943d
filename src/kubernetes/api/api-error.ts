import { maskUrls } from '../../runtime/masked-url.ts';
import type { MissingRight } from './missing-right.ts';

export interface ApiErrorOptions extends ErrorOptions {
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
