import { maxSnapshotRetryMs } from '../limits.ts';
import { PostponedError } from './postponed-error.ts';

/** The alerts that fire could not be had. One failure is shared by all who asked, and all of them try again together. */
export class SnapshotError extends PostponedError {
  override readonly name = 'SnapshotError';

  /** False while it may be over in a moment, so that what was known last still stands. */
  readonly isLasting: boolean;

  /** @param retryAt when the next try is made, milliseconds since the epoch */
  constructor(message: string, retryAt: number, options: ErrorOptions & { readonly isLasting?: boolean }) {
    super(message, { ...options, retryAt, maxDelayMs: maxSnapshotRetryMs });
    this.isLasting = options.isLasting ?? true;
  }
}
