/** The longest time from a failed query to the next one, milliseconds. */
export const maxSnapshotRetryMs = 30_000;

/** The longest time until a write that got a 403 is tried again and logged again, milliseconds. */
export const forbiddenRetryMs = 120_000;

interface PostponedErrorOptions extends ErrorOptions {
  /** The time of the next try, milliseconds since the epoch. */
  readonly retryAt: number;
  /** The longest wait for it, whatever the clock says by then, milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * A failure that is not specific to one pipeline, and that knows when another try makes sense: the key's own back-off, which
 * starts at milliseconds, does not apply. The component that found the failure has logged it, once for all runs that meet it.
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

/**
 * A failure that another try cannot fix: the request is not added again until something new happens (reconcile.TerminalError).
 */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

/** There is no rule by which the object could be judged. */
export class NoRuleError extends TerminalError {}

interface ForbiddenErrorOptions extends ErrorOptions {
  /** The time to wait, milliseconds. By default and at most {@link forbiddenRetryMs}. */
  readonly retryMs?: number;
}

/**
 * The API server refuses a write: a right is missing, or a policy forbids it. A person has to change that; once that is clear, a
 * try every few minutes is enough until then.
 */
export class ForbiddenError extends PostponedError {
  override readonly name = 'ForbiddenError';

  /** @param now milliseconds since the epoch */
  constructor(message: string, now: number, { retryMs = forbiddenRetryMs, ...options }: ForbiddenErrorOptions) {
    super(message, { ...options, retryAt: now + retryMs, maxDelayMs: forbiddenRetryMs });
  }
}

/** The longest time until a run that was stopped because another replica leads is looked at again, milliseconds. */
const notLeadingRetryMs = 1000;

/** Another replica leads, so this one may not write. Its requests wait until it leads itself. */
export class NotLeadingError extends PostponedError {
  override readonly name = 'NotLeadingError';

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    const wait = { retryAt: now + notLeadingRetryMs, maxDelayMs: notLeadingRetryMs };
    super('this replica does not lead, so it writes nothing', wait);
  }
}

interface SnapshotErrorOptions extends ErrorOptions {
  readonly isLasting?: boolean;
  readonly queryId?: string;
}

/** It could not be found out which alerts fire. All runs that asked share one failure and try again together. */
export class SnapshotError extends PostponedError {
  override readonly name = 'SnapshotError';

  /** False while the failure may be over in a moment, so that the last known state still holds. */
  readonly isLasting: boolean;
  /** The id of the failed query, as in the log. */
  readonly queryId: string | undefined;

  /** @param retryAt the time of the next try, milliseconds since the epoch */
  constructor(message: string, retryAt: number, options: SnapshotErrorOptions) {
    super(message, { ...options, retryAt, maxDelayMs: maxSnapshotRetryMs });
    this.isLasting = options.isLasting ?? true;
    this.queryId = options.queryId;
  }
}
