#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { nodeVersionProblem } from './cli/node-version.ts';

// An older Node fails somewhere in the rest, at its start or much later: so the rest is loaded only if it can run.
const problem = nodeVersionProblem(process.version, packageJson.engines.node);
if (problem !== undefined) {
  process.stderr.write(`tocsin: ${problem}\n`);
  process.exit(1);
}
// V8 compiles a third of the start's code no second time. Where the folder cannot be written, as in the image, what is in it is read.
enableCompileCache(fileURLToPath(new URL('../.compile-cache', import.meta.url)));
const args = process.argv.slice(2);
// Here, because this file alone is as deep as its bundle.
const folderOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { isAskCommand } = await import('./config/flags/command-table.ts');
if (basename(process.argv[1] ?? '') === 'linkerd-tocsin') {
  const { exitWhenWritten, ourSurroundings } = await import('./cli/ask.ts');
  const { runLinkerdExtension } = await import('./cli/linkerd-extension.ts');
  await exitWhenWritten(await runLinkerdExtension(args, ourSurroundings(folderOf('..'))));
}
// Commands that ask need none of what serves.
if (isAskCommand(args[0])) {
  const { ask, exitWhenWritten, ourSurroundings } = await import('./cli/ask.ts');
  await exitWhenWritten(await ask(args[0], args.slice(1), ourSurroundings(folderOf('..'))));
}
const { runCommand } = await import('./cli/run-command.ts');
const folders = { examplePipelines: folderOf('../examples/pipelines'), page: folderOf('../dist/page') };
process.exit(await runCommand(args, folders));
