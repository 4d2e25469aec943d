/** One request to the API server. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root of the API server on: `/apis/GROUP/VERSION/…`, its parts encoded. */
  readonly path: string;
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; a PATCH says which kind of patch it is. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** It writes an Event: it waits for what other calls leave of the rate limit. */
  readonly isEvent?: boolean;
  /**
   * For one try, from when the rate limit lets it go: until the whole answer is there, or for a stream until it begins.
   * Milliseconds, default 30 s.
   */
  readonly timeoutMs?: number;
}
