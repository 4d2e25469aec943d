import { existsSync, readdirSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { systemClock } from '../runtime/clock.ts';
import { chooseHome } from '../config/choose-home.ts';
import { parseFlags, type Flags } from '../config/flags/flags.ts';
import { helpText } from '../config/flags/flag-table.ts';
import { configKeys, loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { TenantCompiler } from '../config/tenant-configs.ts';
import { HeapGuard } from '../runtime/heap-guard.ts';
import { isInVolume, noting, type FileStates } from '../runtime/file-watch.ts';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';
import { loadDoors, webConfigLoader } from './doors.ts';
import { serve } from './serve.ts';
import type { LoadedWebConfig } from '../server/web/load-web-config.ts';

const { version } = packageJson;

const exitOk = 0;
const exitFailure = 1;
const exitUsage = 2;

/** The folders of the package. */
interface PackageFolders {
  /** The default folder of manifests. */
  readonly examplePipelines: string;
  /** The files of the incident page. */
  readonly page: string;
}

/** Runs one command line, and resolves to its exit code. */
export async function runCommand(args: readonly string[], folders: PackageFolders): Promise<number> {
  const commandLine = parseFlags(args, { terminal: process.stdout.isTTY, keys: configKeys });
  switch (commandLine.command) {
    case 'help':
      process.stdout.write(`${helpText().trimEnd()}\n`);
      return exitOk;
    case 'version':
      process.stdout.write(`tocsin ${version} (node ${process.versions.node})\n`);
      return exitOk;
    case 'error':
      return complain([...commandLine.problems, 'try: tocsin --help'], exitUsage);
    case 'check-config':
      return checked(
        commandLine.file,
        loadConfig({ configFile: commandLine.file }, readText, { compiler: new TenantCompiler(), listFolder }),
      );
    case 'check-web-config':
      return checked(commandLine.file, (await webConfigLoader())(commandLine.file, readText));
    case 'serve':
      return start(commandLine.flags, folders);
  }
}

/** The configuration of the flags, read from its file each time. */
class ConfigFile {
  readonly #flags: Flags;
  readonly #compiler = new TenantCompiler();
  /** The file in its state when it was read last. */
  read: FileStates = new Map();

  constructor(flags: Flags) {
    this.#flags = flags;
  }

  load(): LoadedConfig {
    const read = new Map<string, string>();
    const list = (path: string): readonly string[] => {
      noting(() => '', read)(path);
      return listFolder(path);
    };
    const loaded = loadConfig(this.#flags, noting(readText, read), { compiler: this.#compiler, listFolder: list });
    this.read = read;
    return loaded;
  }
}

function listFolder(path: string): readonly string[] {
  return readdirSync(path).toSorted();
}

function isFollowed({ configFile, configWatch }: Flags): boolean {
  if (configFile === undefined) return false;
  return configWatch === 'on' || (configWatch === 'auto' && isInVolume(configFile));
}

function checked(file: string, loaded: LoadedConfig | LoadedWebConfig): number {
  if ('problems' in loaded) return complain(loaded.problems, exitFailure);
  process.stdout.write(`${file}: good\n`);
  return exitOk;
}

async function start(flags: Flags, folders: PackageFolders): Promise<number> {
  const heapGuard = new HeapGuard();
  const configFile = new ConfigFile(flags);
  const loaded = configFile.load();
  const doors = await loadDoors(flags, readText);
  const problems = [...('problems' in loaded ? loaded.problems : []), ...doors.problems];
  if ('problems' in loaded || problems.length > 0) return complain(problems, exitFailure);
  const { config, text, pipelinesFolderGiven, inFile, tenants } = loaded;
  const home = chooseHome({
    ...flags,
    folderFlag: flags.pipelinesFolder !== undefined,
    folderInFile: inFile.folder,
    kubernetesInFile: inFile.kubernetes,
    environment: process.env,
    exists: existsSync,
  });
  if ('problem' in home) return complain([home.problem], exitFailure);
  const pipelinesFolder = pipelinesFolderGiven ? config.pipelines.folder : folders.examplePipelines;
  return serve({
    flags,
    config,
    configText: text,
    inFile,
    tenants,
    loadConfig: () => configFile.load(),
    configRead: isFollowed(flags) ? () => configFile.read : undefined,
    home,
    webConfig: doors.webConfig,
    admission: doors.admission,
    pipelinesFolder,
    pageFolder: folders.page,
    version,
    clock: systemClock,
    heavyWork: (work) => heapGuard.during(work),
    onStarted: () => heapGuard.settle(systemClock),
  });
}

function readText(path: string): string {
  return readRegularFileSync(path, configurationFileBytes).toString('utf8');
}

/** Writes one line for each problem to standard error. */
function complain(problems: readonly string[], exitCode: number): number {
  for (const problem of problems) process.stderr.write(`tocsin: ${problem}\n`);
  return exitCode;
}
