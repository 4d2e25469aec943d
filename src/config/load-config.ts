import { dirname, resolve } from 'node:path';
import { Config } from './config.ts';
import { flagTable } from './flags/flag-table.ts';
import type { ConfigFlags } from './flags/flags.ts';
import { withPathsFrom } from './http-config.ts';
import {
  describeReadError,
  parseSettingsFile,
  type ReadFile,
  type Alternatives,
  type SettingsFormat,
} from './settings/settings-file.ts';
import { describeRefusal, withSuggestion, type Reader } from './settings/reader.ts';
import { showPath, showText } from './settings/show-value.ts';
import { keyElsewhere, nearestName } from './settings/unknown-key.ts';
import { keyPaths, keysAt } from './settings/setting.ts';
import { TenantCompiler, type TenantConfig } from './tenant-configs.ts';
import { placedTenants } from './tenant-files.ts';

/** Which keys of `pipelines` are in the file itself, rather than from a default or a flag: their presence chooses the home. */
export interface HomeInFile {
  readonly folder: boolean;
  readonly kubernetes: boolean;
}

export type LoadedConfig =
  | {
      readonly config: Config;
      /** False if `pipelines.folder` is the default, which is in the package and not in the working folder. */
      readonly pipelinesFolderGiven: boolean;
      /** The text of the file; '' without a file. */
      readonly text: string;
      readonly inFile: HomeInFile;
      /** Default: there is none. */
      readonly tenants?: readonly TenantConfig[];
    }
  | { readonly problems: readonly string[] };

/** What the tenants of a file need besides it. */
export interface TenantSurroundings {
  /** Remembers what it compiled. */
  readonly compiler: TenantCompiler;
  /** The names of the files in a folder, sorted; throws as `node:fs` does. */
  readonly listFolder: (path: string) => readonly string[];
}

const noSurroundings = (): TenantSurroundings => ({ compiler: new TenantCompiler(), listFolder: () => [] });

/** Flags override the file, and the file overrides the defaults. Never throws; every problem of file and flags is one line. */
export function loadConfig(
  flags: ConfigFlags,
  readFile: ReadFile,
  surroundings: TenantSurroundings = noSurroundings(),
): LoadedConfig {
  let text = '';
  const read: ReadFile = (path) => (text = readFile(path));
  const file = flags.configFile === undefined ? parseConfigFile('', '') : loadFile(flags.configFile, read);
  const url = readGiven(flagTable.prometheusUrl, flags.prometheusUrl);
  const pipelinesFolder = readGiven(flagTable.pipelinesFolder, flags.pipelinesFolder);
  if ('problems' in file) return { problems: [...file.problems, ...url.problems, ...pipelinesFolder.problems] };
  const problems = [...url.problems, ...pipelinesFolder.problems];
  if (problems.length > 0) return { problems };
  const folder = dirname(flags.configFile ?? '');
  const inFile = { folder: file.sets('pipelines', 'folder'), kubernetes: file.sets('pipelines', 'kubernetes') };
  const config = withFlags(file.config, folder, url.value, pipelinesFolder.value);
  const format = { config, sections: file.sections, describeUnknownKey };
  const placed = placedTenants({ ...surroundings, readFile, describeUnknownKey, at: file.at }, config.tenants, folder);
  const compiled = 'problems' in placed ? placed : surroundings.compiler.compile(format, placed.tenants);
  if ('problems' in compiled) return compiled;
  return {
    config,
    text,
    pipelinesFolderGiven: pipelinesFolder.value !== undefined || inFile.folder,
    inFile,
    ...(config.tenants.by !== null && { tenants: compiled.tenants }),
  };
}

/** The file with the flags that override it, and with paths that start at its folder. */
function withFlags(file: Config, folder: string, url: string | undefined, pipelinesFolder: string | undefined): Config {
  const { prometheus, pipelines, notify, replicas } = file;
  const httpConfig = withPathsFrom(folder, prometheus.http_config);
  const alertmanagers = notify.alertmanagers.map((each) => ({
    ...each,
    http_config: withPathsFrom(folder, each.http_config),
  }));
  return {
    ...file,
    prometheus: { ...prometheus, url: url === undefined ? prometheus.url : [url], http_config: httpConfig },
    pipelines: { ...pipelines, folder: pipelinesFolder ?? pipelines.folder },
    notify: { ...notify, alertmanagers },
    replicas: {
      ...replicas,
      token_file: replicas.token_file === null ? null : resolve(folder, replicas.token_file),
      http_config: withPathsFrom(folder, replicas.http_config),
    },
  };
}

interface Given<T> {
  readonly value?: T;
  readonly problems: readonly string[];
}

/** Reads a flag's value again, for callers that did not get it from parseFlags. */
function readGiven<T>(
  { name, read }: { readonly name: string; readonly read: Reader<T> },
  text: string | undefined,
): Given<T> {
  if (text === undefined) return { problems: [] };
  const reading = read(text);
  if ('value' in reading) return { value: reading.value, problems: [] };
  return { problems: [`--${name}: ${describeRefusal(text, reading)}`] };
}

function loadFile(path: string, readFile: ReadFile): ConfigFileResult {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    return { problems: [`${showText(path)}: ${describeReadError(error)}`] };
  }
  return parseConfigFile(path, text);
}

/** A file's configuration, or every problem in it, one line each, in the order of the file. */
type ConfigFileResult = ReadConfigFile | { readonly problems: readonly string[] };

interface ReadConfigFile {
  readonly config: Config;
  /** The sections as they are written there. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** True if the file itself sets the key at this path. */
  readonly sets: (...path: readonly string[]) => boolean;
  /** The beginning of a problem with that key. */
  readonly at: (...path: readonly string[]) => string;
}

const homes: Alternatives = {
  keys: [
    ['pipelines', 'folder'],
    ['pipelines', 'kubernetes'],
  ],
  why: 'pipelines live in a folder or in a cluster',
};

/** What a configuration file may hold. */
export const configFormat: SettingsFormat<Config> = { schema: Config, describeUnknownKey, alternatives: [homes] };

/**
 * Reads the text of a configuration file. Never throws.
 * @param file its path as the user gave it: each problem starts with `FILE:LINE:COLUMN: `
 */
export function parseConfigFile(file: string, text: string): ConfigFileResult {
  const parsed = parseSettingsFile(configFormat, file, text);
  if ('problems' in parsed) return parsed;
  const { settings: config, value, ...places } = parsed;
  return { config, sections: (value ?? {}) as Readonly<Record<string, unknown>>, ...places };
}

/**
 * The message about a key of the file that does not exist: `receiver.max_alert: unknown key, did you mean "max_alerts"?
 * allowed: ...`. A key that belongs to another section, or is a flag, is recognised.
 * @param section the path of the section that holds the key
 */
function describeUnknownKey(section: readonly string[], key: string): string {
  const siblings = [...(keysAt(Config, section)?.keys() ?? [])];
  const flags = flagsFor([...section, key].join('.'));
  const problem = `${showPath([...section, key])}: unknown key`;
  if (flags.length > 0) return `${problem}, use the flag ${flags.join(', ')}; allowed here: ${siblings.join(', ')}`;
  return withSuggestion(problem, nearestName(key, siblings) ?? keyElsewhere(key, section, Config), siblings.join(', '));
}

/** The flags that set this path, or something below it: `log.level`, `web`. */
function flagsFor(path: string): string[] {
  const wanted = path.replaceAll('_', '-');
  return Object.values(flagTable)
    .map((flag) => flag.name)
    .filter((name) => name === wanted || name.startsWith(`${wanted}.`))
    .map((name) => `--${name}`);
}

/** Every key and section, `receiver.max_alerts`. */
export function configKeys(): readonly string[] {
  return keyPaths(Config).map((path) => path.join('.'));
}
