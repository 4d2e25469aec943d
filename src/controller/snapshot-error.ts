import { maxSnapshotRetryMs } from '../limits.ts';
import { PostponedError } from './postponed-error.ts';

/** The alerts that fire could not be had. One failure is shared by all who asked, and all of them try again together. */
export class SnapshotError extends PostponedError {
  override readonly name = 'SnapshotError';

  /** @param retryAt when the next try is made, milliseconds since the epoch */
  constructor(message: string, retryAt: number, options: ErrorOptions) {
    super(message, { ...options, retryAt, maxDelayMs: maxSnapshotRetryMs });
  }
}
