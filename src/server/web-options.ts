import type { AnchoredRegexp } from '../matcher/anchored-regexp.ts';
import type { WebConfigSource } from './web/live-web-config.ts';

/** What the flags `--web.*` ask of the server. */
export interface WebOptions {
  /** What stands before every path: '' or `/prefix`. */
  readonly routePrefix: string;
  /** Under which URL others reach it. */
  readonly externalUrl?: string | undefined;
  /** The origins of web pages that may call the API; undefined: none. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  /** The file of `--web.config.file`, read; undefined: plain HTTP, open to everybody. */
  readonly configSource?: WebConfigSource | undefined;
}
