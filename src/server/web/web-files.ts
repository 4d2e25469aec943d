import type { WebConfig } from './web-config.ts';

/** What reading the files that a web configuration names needs. */
export interface WebFiles {
  readonly config: WebConfig;
  /** Notes a problem with the value at this path. */
  readonly refuse: (path: readonly string[], text: string) => void;
  /** The text of a file, or undefined once the problem is noted. A relative path starts at the configuration's folder. */
  readonly read: (path: readonly string[], file: string) => string | undefined;
}
