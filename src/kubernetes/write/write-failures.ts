import type { LogFields } from '../../runtime/logger.ts';
import { ForbiddenError, PostponedError, forbiddenRetryMs } from '../../reconcile/errors.ts';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import { ApiError, type MissingRight } from '../api/api-error.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/**
 * The delay of the next write after a first 403, in milliseconds. From then on the delay is as long as the refusals have lasted, up to
 * `forbiddenRetryMs`. An API server that has just started refuses everybody until it has read its roles.
 */
const firstForbiddenRetryMs = 2000;

/** The most lines per second about objects that the API server refuses to write although no right is missing. */
const refusalLinesPerSecond = 10;

/** The most refused rights and objects that are remembered; beyond that, the one refused longest ago begins anew. */
const maxRememberedRefusals = 4096;

/** The longest time by which a busy API server can have a write put off, in milliseconds. */
const maxWriteDelayMs = 300_000;

interface WriteFailuresOptions extends Pick<Runtime, 'clock' | 'logger'> {}

/** A right that a write needs, as RBAC names it. */
export interface Right {
  readonly verb: 'patch' | 'create';
  /** Including its subresource and group: `tracepipelines/status.telemetry.kyma-project.io`. */
  readonly resource: string;
  /** The file of the project that grants it. */
  readonly manifest: string;
}

/** Repeated refusals of one right, or of writes to one object. */
interface Refusals {
  readonly since: number;
  readonly lastAt: number;
  loggedAt: number;
  toldMessage: string;
}

/** Whoever may read may not write, and vice versa; the writers have to read after a conflict. */
const readerManifest = 'k8s/base/cluster-role-reader.yaml';

/** Tells the queue, from the API server's answer to a write, when another try makes sense. */
export class WriteFailures {
  readonly #options: WriteFailuresOptions;
  /** By right or object, in the order of the last refusal, the latest at the end. */
  readonly #refusals = new Map<string, Refusals>();
  readonly #lines: LimitedLines;

  constructor(options: WriteFailuresOptions) {
    this.#options = options;
    const onOverflow = (fields: LogFields): void =>
      options.logger.warn('write.refusals_limited', 'more writes were refused than are written out', fields);
    this.#lines = new LimitedLines({ ...options, perSecond: () => refusalLinesPerSecond, onOverflow });
  }

  /**
   * The error to reject with: ForbiddenError for a 403; PostponedError if the server says when to try again; otherwise the error itself.
   * A missing right is logged once for all objects, any other refusal once for each object.
   * @param object the path of the object to write
   */
  explain(error: unknown, right: Right, object: string): unknown {
    if (!(error instanceof ApiError)) return error;
    if (error.status === 403) {
      const { missingRight } = error;
      return missingRight === undefined
        ? this.#refused(error, right, object)
        : this.#withoutRight(error, missingRight, right);
    }
    if (error.retryAfterMs === undefined) return error;
    const retryAt = this.#options.clock.now() + error.retryAfterMs;
    return new PostponedError(error.message, { retryAt, maxDelayMs: maxWriteDelayMs, cause: error });
  }

  #withoutRight(error: ApiError, { verb, resource }: MissingRight, right: Right): ForbiddenError {
    const { clock, logger } = this.#options;
    const manifest = verb === right.verb ? right.manifest : readerManifest;
    const { refusals, retryMs } = this.#refuse(`${verb} ${resource}`);
    if (this.#isDue(refusals)) {
      const fields = { verb, resource, manifest, error, retry_in_ms: retryMs };
      logger.warn('write.forbidden', 'a right is missing, says the API server: grant it, as the manifest does', fields);
    }
    const message = `the right to ${verb} ${resource} is missing, which ${manifest} grants: ${error.message}`;
    return new ForbiddenError(message, clock.now(), { cause: error, retryMs });
  }

  /** The error contains the server's own words. No remedy is always the right one. */
  #refused(error: ApiError, { verb, resource }: Right, object: string): ForbiddenError {
    const { clock, logger } = this.#options;
    const { refusals, retryMs } = this.#refuse(object);
    if ((refusals.toldMessage !== error.message || this.#isDue(refusals)) && this.#lines.allows()) {
      refusals.loggedAt = clock.now();
      refusals.toldMessage = error.message;
      const fields = { verb, resource, object, error, retry_in_ms: retryMs };
      logger.warn('write.refused', 'the API server refuses a write of an object, and names no missing right', fields);
    }
    return new ForbiddenError(error.message, clock.now(), { cause: error, retryMs });
  }

  /** True every few minutes while the refusals last; the refusals then count as logged. */
  #isDue(refusals: Refusals): boolean {
    const now = this.#options.clock.now();
    if (Math.abs(now - refusals.loggedAt) < forbiddenRetryMs) return false;
    refusals.loggedAt = now;
    return true;
  }

  #refuse(key: string): { readonly refusals: Refusals; readonly retryMs: number } {
    const now = this.#options.clock.now();
    const refusals = this.#refusalsOf(key, now);
    const retryMs = Math.min(Math.max(firstForbiddenRetryMs, Math.abs(now - refusals.since)), forbiddenRetryMs);
    return { refusals, retryMs };
  }

  /** Refusals that are further apart than any retry are unrelated. */
  #refusalsOf(key: string, now: number): Refusals {
    const known = this.#refusals.get(key);
    const goesOn = known !== undefined && Math.abs(now - known.lastAt) <= 2 * forbiddenRetryMs;
    const { since, loggedAt, toldMessage } = {
      loggedAt: Number.NEGATIVE_INFINITY,
      toldMessage: '',
      ...known,
      since: goesOn ? known.since : now,
    };
    const refusals = { since, lastAt: now, loggedAt, toldMessage };
    this.#refusals.delete(key);
    this.#refusals.set(key, refusals);
    for (const [oldest] of this.#refusals) {
      if (this.#refusals.size <= maxRememberedRefusals) break;
      this.#refusals.delete(oldest);
    }
    return refusals;
  }
}
