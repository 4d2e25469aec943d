/** A text is no JSON, or not the JSON that was expected; the message says where and why. */
export class JsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonError';
  }
}
