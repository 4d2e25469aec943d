import { Config } from './config.ts';
import { parseSettingsFile, type Alternatives } from './settings/settings-file.ts';
import { describeUnknownKey } from './flags/unknown-name.ts';

/** A file's configuration, or every problem in it, a line each, in the order of the file. */
export type ConfigFileResult =
  | {
      readonly config: Config;
      /** True if the file itself sets the key at this path. */
      readonly sets: (...path: readonly string[]) => boolean;
    }
  | { readonly problems: readonly string[] };

const homes: Alternatives = {
  keys: [
    ['pipelines', 'folder'],
    ['pipelines', 'kubernetes'],
  ],
  why: 'pipelines live in a folder or in a cluster',
};

/**
 * Reads the text of a configuration file. Never throws.
 * @param file its path as the user gave it: each problem starts with `FILE:LINE:COLUMN: `
 */
export function parseConfigFile(file: string, text: string): ConfigFileResult {
  const parsed = parseSettingsFile({ schema: Config, describeUnknownKey, alternatives: [homes] }, file, text);
  return 'problems' in parsed ? parsed : { config: parsed.settings, sets: parsed.sets };
}
