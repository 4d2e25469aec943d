/** The configuration key, or the name, of a limit that a silence can run into. */
export type SilenceLimit = 'max_silences' | 'max_silence_size' | 'silences_memory';

/** go-openapi's codes, as clients see them in a 422: wrong format, required, too few items. */
type SchemaCode = 601 | 602 | 612;

/** A silence that is refused: nothing of it is stored. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  /** 400: not what the schema's types or the rules allow. 404: there is no such silence. 422: not what the schema asks for. */
  readonly status: 400 | 404 | 422;
  /** The `code` of a refusal before the handler; undefined if the handler itself refuses, which answers with a plain text. */
  readonly code: 400 | SchemaCode | undefined;
  readonly limit: SilenceLimit | undefined;

  private constructor(
    status: 400 | 404 | 422,
    code: 400 | SchemaCode | undefined,
    message: string,
    limit?: SilenceLimit,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.limit = limit;
  }

  /** The body cannot be read as a silence; `reason` says where and why. */
  static unreadable(reason: string): SilenceError {
    return new SilenceError(400, 400, `parsing silence body from "" failed, because ${reason}`);
  }

  /** A required field is missing. @param path such as `matchers.0.name`; default: the body itself */
  static required(path = 'silence'): SilenceError {
    return new SilenceError(422, 602, `${path} in body is required`);
  }

  static noMatchers(): SilenceError {
    return new SilenceError(422, 612, 'matchers in body should have at least 1 items');
  }

  /** An id in a path that is no UUID. */
  static notUuid(found: string): SilenceError {
    return new SilenceError(422, 601, `silenceID in path must be of type uuid: ${JSON.stringify(found)}`);
  }

  /** A silence that breaks a rule. */
  static invalid(message: string): SilenceError {
    return new SilenceError(400, undefined, message);
  }

  static notFound(): SilenceError {
    return new SilenceError(404, undefined, 'silence not found');
  }

  static tooMany(stored: number, limit: number): SilenceError {
    const message = `exceeded maximum number of silences: ${stored} (limit: ${limit})`;
    return new SilenceError(400, undefined, message, 'max_silences');
  }

  static noMemory(limit: number): SilenceError {
    const message = `all silences together would take too much memory (limit: ${limit} bytes): expire some, or simplify their regular expressions`;
    return new SilenceError(400, undefined, message, 'silences_memory');
  }

  static tooLarge(bytes: number, limit: number): SilenceError {
    const message = `silence exceeded maximum size: ${bytes} bytes (limit: ${limit} bytes)`;
    return new SilenceError(400, undefined, message, 'max_silence_size');
  }
}

/** A silence could not be stored, and so nothing has changed. The message is for the client: it says why. */
export class NotStoredError extends Error {
  override readonly name = 'NotStoredError';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
