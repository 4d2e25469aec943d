/** A failure that another try cannot mend: the request is not added again until something new happens (reconcile.TerminalError). */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}
