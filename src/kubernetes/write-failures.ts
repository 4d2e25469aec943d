import type { Clock } from '../clock.ts';
import { ForbiddenError } from '../controller/forbidden-error.ts';
import { PostponedError } from '../controller/postponed-error.ts';
import { firstForbiddenRetryMs, forbiddenRetryMs, maxWriteDelayMs } from '../limits.ts';
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

/** One right that is refused again and again. */
interface Refusals {
  readonly since: number;
  lastAt: number;
  toldAt: number;
}

/** Turns what the API server said to a write into what the queue has to know: when another try makes sense. */
export class WriteFailures {
  readonly #options: WriteFailuresOptions;
  /** By right; there are few of them. */
  readonly #refusals = new Map<string, Refusals>();

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
    const refusals = this.#refusalsOf(`${verb} ${resource}`, now);
    const retryMs = Math.min(Math.max(firstForbiddenRetryMs, Math.abs(now - refusals.since)), forbiddenRetryMs);
    if (Math.abs(now - refusals.toldAt) >= forbiddenRetryMs) {
      refusals.toldAt = now;
      const fields = { verb, resource, manifest, error, retry_in_ms: retryMs };
      logger.warn('write.forbidden', 'the API server refuses a write: grant the right, as the manifest does', fields);
    }
    const message = `the right to ${verb} ${resource} is missing, which ${manifest} grants: ${error.message}`;
    return new ForbiddenError(message, now, { cause: error, retryMs });
  }

  /** Refusals that are longer apart than any retry have nothing to do with each other. */
  #refusalsOf(key: string, now: number): Refusals {
    const known = this.#refusals.get(key);
    if (known !== undefined && Math.abs(now - known.lastAt) <= 2 * forbiddenRetryMs) {
      known.lastAt = now;
      return known;
    }
    const refusals = { since: now, lastAt: now, toldAt: known?.toldAt ?? Number.NEGATIVE_INFINITY };
    this.#refusals.set(key, refusals);
    return refusals;
  }
}
