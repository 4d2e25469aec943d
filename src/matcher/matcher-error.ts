/** What is wrong with the text or the regular expression of a matcher; the message is for whoever wrote it. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
  /** The limit that it is over, if nothing else is wrong. */
  readonly limit: 'filter_instructions' | undefined;

  constructor(message: string, limit?: 'filter_instructions') {
    super(message);
    this.limit = limit;
  }
}
