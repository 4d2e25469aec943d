export interface PostponedErrorOptions extends ErrorOptions {
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
