#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { systemClock } from './clock.ts';
import { chooseHome } from './config/choose-home.ts';
import { parseFlags, type Flags } from './config/flags.ts';
import { helpText } from './config/help-text.ts';
import { loadConfig } from './config/load-config.ts';
import { HeapGuard } from './heap-guard.ts';
import { serve } from './serve.ts';

const { version } = packageJson;

/** Where the manifests are if nobody says otherwise: the package's own examples. */
const examplePipelines = fileURLToPath(new URL('../examples/pipelines', import.meta.url));

const exitOk = 0;
const exitFailure = 1;
const exitUsage = 2;

/** Runs one command line. The process ends with the exit code that this resolves to. */
async function main(args: readonly string[]): Promise<number> {
  const commandLine = parseFlags(args, { terminal: process.stdout.isTTY });
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
      return checkConfig(commandLine.file);
    case 'serve':
      return start(commandLine.flags);
  }
}

function checkConfig(file: string): number {
  const loaded = loadConfig({ configFile: file }, readText);
  if ('problems' in loaded) return complain(loaded.problems, exitFailure);
  process.stdout.write(`${file}: good\n`);
  return exitOk;
}

function start(flags: Flags): Promise<number> | number {
  const loaded = loadConfig(flags, readText);
  if ('problems' in loaded) return complain(loaded.problems, exitFailure);
  const { config, text, pipelinesFolderGiven, inFile } = loaded;
  const home = chooseHome({
    ...flags,
    folderFlag: flags.pipelinesFolder !== undefined,
    folderInFile: inFile.folder,
    kubernetesInFile: inFile.kubernetes,
    environment: process.env,
    exists: existsSync,
  });
  if ('problem' in home) return complain([home.problem], exitFailure);
  const heapGuard = new HeapGuard();
  const pipelinesFolder = pipelinesFolderGiven ? config.pipelines.folder : examplePipelines;
  return serve({
    flags,
    config,
    configText: text,
    loadConfig: () => loadConfig(flags, readText),
    home,
    pipelinesFolder,
    version,
    clock: systemClock,
    heavyWork: (work) => heapGuard.during(work),
  });
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** One line for each problem, on standard error. */
function complain(problems: readonly string[], exitCode: number): number {
  for (const problem of problems) process.stderr.write(`tocsin: ${problem}\n`);
  return exitCode;
}

process.exit(await main(process.argv.slice(2)));
