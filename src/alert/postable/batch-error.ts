/** Codes of go-openapi's validation errors, as Alertmanager's clients see them in a 422. */
export type ValidationCode = 601 | 602;

/** A batch that is refused whole: nothing of it is stored. */
export class BatchError extends Error {
  /** 400: not what JSON or the schema's types allow. 422: a required field is missing, or has the wrong format. */
  readonly status: 400 | 422;
  /** The `code` of the answer's body: the status itself for a 400, go-openapi's own number for a 422. */
  readonly code: 400 | ValidationCode;

  private constructor(status: 400 | 422, code: 400 | ValidationCode, message: string) {
    super(message);
    this.name = 'BatchError';
    this.status = status;
    this.code = code;
  }

  /** The body cannot be read as a list of alerts; `reason` says where and why. */
  static unreadable(reason: string): BatchError {
    return new BatchError(400, 400, `parsing alerts body from "" failed, because ${reason}`);
  }

  /** A webhook payload that cannot be read, however often it is sent; `reason` names the path of the wrong field. */
  static badPayload(reason: string): BatchError {
    return new BatchError(400, 400, `the webhook payload cannot be read: ${reason}`);
  }

  /** A required field is missing. @param path such as `3.labels` */
  static required(path: string): BatchError {
    return new BatchError(422, 602, `${path} in body is required`);
  }

  /** A `generatorURL` that is no URI. */
  static notUri(path: string, found: string): BatchError {
    return new BatchError(422, 601, `${path} in body must be of type uri: ${JSON.stringify(shorten(found))}`);
  }
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
