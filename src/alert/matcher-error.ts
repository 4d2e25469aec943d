/** What is wrong with the text or the regular expression of a matcher; the message is for whoever wrote it. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
}
