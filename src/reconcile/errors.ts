/** After a failed query the next one is made at the latest after this, milliseconds. */
export const maxSnapshotRetryMs = 30_000;

/** What is refused with a 403 is tried again after so long at the latest, and the log tells of it again, milliseconds. */
export const forbiddenRetryMs = 120_000;

interface PostponedErrorOptions extends ErrorOptions {
  /** When the next try is made, milliseconds since the epoch. */
  readonly retryAt: number;
  /** The longest that may be waited for it, whatever the clock says by then, milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * A failure that is not the one pipeline's own, and that knows when another try makes sense: the key's own back-off, which
 * starts at milliseconds, is not for it. Whoever found it has told of it in the log, once for all that meet it.
 */
export class PostponedError extends Error {
  override readonly name: string = 'PostponedError';
  readonly retryAt: number;
  readonly maxDelayMs: number;

  constructor(message: string, { retryAt, maxDelayMs, ...options }: PostponedErrorOptions) {
    super(message, options);
    this.retryAt = retryAt;
    this.maxDelayMs = maxDelayMs;
  }
}

/** A failure that another try cannot mend: the request is not added again until something new happens (reconcile.TerminalError). */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

interface ForbiddenErrorOptions extends ErrorOptions {
  /** How long to wait, milliseconds. Default and at most {@link forbiddenRetryMs}. */
  readonly retryMs?: number;
}

/**
 * The API server refuses a write: a right is missing, or a policy forbids it. A person has to change that, and until then a
 * try every few minutes is enough, once that is clear.
 */
export class ForbiddenError extends PostponedError {
  override readonly name = 'ForbiddenError';

  /** @param now milliseconds since the epoch */
  constructor(message: string, now: number, { retryMs = forbiddenRetryMs, ...options }: ForbiddenErrorOptions) {
    super(message, { ...options, retryAt: now + retryMs, maxDelayMs: forbiddenRetryMs });
  }
}

interface SnapshotErrorOptions extends ErrorOptions {
  readonly isLasting?: boolean;
  readonly queryId?: string;
}

/** The alerts that fire could not be had. One failure is shared by all who asked, and all of them try again together. */
export class SnapshotError extends PostponedError {
  override readonly name = 'SnapshotError';

  /** False while it may be over in a moment, so that what was known last still stands. */
  readonly isLasting: boolean;
  /** The query that failed, as the log names it. */
  readonly queryId: string | undefined;

  /** @param retryAt when the next try is made, milliseconds since the epoch */
  constructor(message: string, retryAt: number, options: SnapshotErrorOptions) {
    super(message, { ...options, retryAt, maxDelayMs: maxSnapshotRetryMs });
    this.isLasting = options.isLasting ?? true;
    this.queryId = options.queryId;
  }
}
