import type { Clock } from '../clock.ts';
import { ForbiddenError } from '../controller/forbidden-error.ts';
import { PostponedError } from '../controller/postponed-error.ts';
import { forbiddenRetryMs, maxWriteDelayMs } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { ApiError } from './api-error.ts';

export interface WriteFailuresOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A right that a write needs, as RBAC names it. */
export interface Right {
  readonly verb: 'patch' | 'create';
  /** With its subresource and group: `tracepipelines/status.telemetry.kyma-project.io`. */
  readonly resource: string;
  /** Which file of the project grants it. */
  readonly manifest: string;
}

/** Turns what the API server said to a write into what the queue has to know: when another try makes sense. */
export class WriteFailures {
  readonly #options: WriteFailuresOptions;
  /** When a missing right was told last; there are few of them. */
  readonly #told = new Map<string, number>();

  constructor(options: WriteFailuresOptions) {
    this.#options = options;
  }

  /**
   * The error to reject with: ForbiddenError for a 403, which is told in the log once for all objects; PostponedError if
   * the server says when to come again; otherwise the error itself.
   */
  explain(error: unknown, right: Right): unknown {
    if (!(error instanceof ApiError)) return error;
    if (error.status === 403) return this.#forbidden(error, right);
    if (error.retryAfterMs === undefined) return error;
    const retryAt = this.#options.clock.now() + error.retryAfterMs;
    return new PostponedError(error.message, { retryAt, maxDelayMs: maxWriteDelayMs, cause: error });
  }

  #forbidden(error: ApiError, { verb, resource, manifest }: Right): ForbiddenError {
    const { clock, logger } = this.#options;
    const now = clock.now();
    const key = `${verb} ${resource}`;
    const toldAt = this.#told.get(key) ?? Number.NEGATIVE_INFINITY;
    if (Math.abs(now - toldAt) >= forbiddenRetryMs) {
      this.#told.set(key, now);
      const fields = { verb, resource, manifest, error, retry_in_ms: forbiddenRetryMs };
      logger.warn('write.forbidden', 'the API server refuses a write: grant the right, as the manifest does', fields);
    }
    const message = `the right to ${verb} ${resource} is missing, which ${manifest} grants: ${error.message}`;
    return new ForbiddenError(message, now, { cause: error });
  }
}
