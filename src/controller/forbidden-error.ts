import { forbiddenRetryMs } from '../limits.ts';
import { PostponedError } from './postponed-error.ts';

/** A right is missing: a person has to grant it, and until then a try every few minutes is enough. */
export class ForbiddenError extends PostponedError {
  override readonly name = 'ForbiddenError';

  /** @param now milliseconds since the epoch */
  constructor(message: string, now: number, options: ErrorOptions) {
    super(message, { ...options, retryAt: now + forbiddenRetryMs, maxDelayMs: forbiddenRetryMs });
  }
}
