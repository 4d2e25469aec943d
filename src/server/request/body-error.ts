/** A body that could not be read. */
export class BodyError extends Error {
  /** 413: over the limit. 408: too slow while memory was short. 400: the connection broke off in the middle. */
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.name = 'BodyError';
    this.status = status;
  }
}
