/** The alerts that fire could not be had. One failure is shared by all who asked, and all of them try again together. */
export class SnapshotError extends Error {
  /** When the next try is made, milliseconds since the epoch. */
  readonly retryAt: number;

  constructor(message: string, retryAt: number, options: ErrorOptions) {
    super(message, options);
    this.name = 'SnapshotError';
    this.retryAt = retryAt;
  }
}
