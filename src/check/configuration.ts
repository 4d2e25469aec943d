import { resolve } from 'node:path';
import type { LoadedConfig } from '../config/load-config.ts';
import { changedKeys, filesIn } from './changed-keys.ts';
import { showText } from '../config/settings/show-value.ts';
import { lookAt, sha256Of } from './loaded-files.ts';
import { ok, problem, skipped, unsettled, type Category, type Outcome } from './check.ts';

/** What a running Tocsin says of its configuration. */
export interface RunningConfiguration {
  readonly configuration: { readonly sha256: string; readonly file?: string | undefined; readonly loaded_at: string };
}

export interface ConfigurationSource {
  /** `--config.file`; undefined: none was given. */
  readonly file: string | undefined;
  /** Reads it, with the flags that win over it. */
  readonly load: () => LoadedConfig;
  /** `--http.config.file` and other files that flags name, apart from the configuration itself. */
  readonly otherFiles: readonly string[];
  /** Asks the running Tocsin; undefined if none is asked. Rejects if it does not answer. */
  readonly running: ((signal: AbortSignal) => Promise<RunningConfiguration>) | undefined;
}

/** The file, all that it names, and whether it is what runs. */
export function configuration(source: ConfigurationSource): Category {
  return {
    name: 'configuration',
    needs: [],
    whyNot: () => (source.file === undefined ? 'no --config.file is given' : undefined),
    checks: [
      {
        id: 'config-is-valid',
        description: 'the configuration is valid',
        fatal: true,
        run: () => valid(source.load()),
      },
      {
        id: 'config-files',
        description: 'every file that it names can be read',
        run: () => readable(source),
      },
      {
        id: 'config-runs',
        description: 'the running Tocsin has this configuration',
        retryable: true,
        surfacesProblem: true,
        run: ({ signal }) => runs(source, signal),
      },
    ],
  };
}

function valid(loaded: LoadedConfig): Outcome {
  if ('problems' in loaded) return problem(loaded.problems);
  const changed = changedKeys(loaded.config);
  return ok(...(changed.length === 0 ? ['every key has its default'] : ['changed from the defaults:', ...changed]));
}

async function readable({ file, load, otherFiles }: ConfigurationSource): Promise<Outcome> {
  const loaded = load();
  const named = 'config' in loaded ? filesIn(loaded.config) : [];
  const own = file === undefined ? [] : [lookAt(file, true)];
  const found = await Promise.all([...own, ...[...named, ...otherFiles].map((each) => lookAt(each, false))]);
  const problems = found.flatMap((each) => ('problem' in each ? [each.problem] : []));
  if (problems.length > 0) return problem(problems);
  return ok(...found.flatMap((each) => ('told' in each ? [each.told] : [])));
}

async function runs({ file, load, running }: ConfigurationSource, signal: AbortSignal): Promise<Outcome> {
  if (file === undefined) return skipped('no --config.file is given');
  if (running === undefined) return skipped('no running Tocsin is asked: give --url');
  const loaded = load();
  if ('problems' in loaded) return skipped('the file is not valid');
  const state = await running(signal).catch(() => undefined);
  if (state === undefined) return unsettled('Tocsin does not answer');
  const { sha256, file: from, loaded_at: since } = state.configuration;
  const own = sha256Of(loaded.text);
  if (sha256 === own) return ok(`SHA-256 ${own}, loaded ${since}`);
  const its = from === undefined ? 'runs without a file' : `runs ${showText(from)}, loaded ${since}`;
  return problem(
    `Tocsin ${its} with SHA-256 ${sha256.slice(0, 12)}…, but ${showText(resolve(file))} has ${own.slice(0, 12)}…: ` +
      'is it the same file, and was it reloaded (SIGHUP, POST /-/reload) after the change?',
  );
}
