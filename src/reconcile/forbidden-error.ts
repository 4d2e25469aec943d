import { forbiddenRetryMs } from '../limits.ts';
import { PostponedError } from './postponed-error.ts';

export interface ForbiddenErrorOptions extends ErrorOptions {
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
