import type { Selection } from '../../text/json-selection.ts';

/** What of an answer is kept. */
export interface KeptAnswer {
  readonly selection: Selection;
  /** What it may take in memory, by estimate; more is an ApiError TooLarge. Of the elements of a list each has its own. */
  readonly bytes: number;
  /** The longest answer that is read, bytes; a longer one is an ApiError TooLarge as well. Default 64 MiB. */
  readonly maxTextBytes?: number;
}

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
  /** Default all of it, up to {@link apiObjectBytes}. */
  readonly keep?: KeptAnswer;
  readonly signal?: AbortSignal;
  /** It writes an Event: it waits for what other calls leave of the rate limit. */
  readonly isEvent?: boolean;
  /**
   * For one try, from when the rate limit lets it go: until the whole answer is there, or for a stream until it begins.
   * Milliseconds, default 30 s.
   */
  readonly timeoutMs?: number;
}
