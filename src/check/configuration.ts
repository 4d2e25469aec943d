import type { LoadedConfig } from '../config/load-config.ts';
import { ok, problem, type Category, type Outcome } from './check.ts';

export interface ConfigurationSource {
  /** `--config.file`; undefined: none was given. */
  readonly file: string | undefined;
  /** Reads it, with the flags that win over it. */
  readonly load: () => LoadedConfig;
}

export function configuration({ file, load }: ConfigurationSource): Category {
  return {
    name: 'configuration',
    needs: [],
    whyNot: () => (file === undefined ? 'no --config.file is given' : undefined),
    checks: [
      {
        id: 'config-is-valid',
        description: 'the configuration file can be read',
        fatal: true,
        run: () => parses(load()),
      },
    ],
  };
}

function parses(loaded: LoadedConfig): Outcome {
  return 'problems' in loaded ? problem(loaded.problems.join('\n')) : ok();
}
