import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readDockerfile, valuesOf, type Instruction } from './dockerfile.ts';

export interface ImageFolder {
  /** The folder in which the build stage worked: `package.json`, `src/` and `dist/`. */
  readonly build: string;
  /** The content of `/` in the image, except for the base image. */
  readonly root: string;
  readonly remove: () => Promise<void>;
}

const project = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Does what `docker build` does with the Dockerfile, without Docker: the COPY and RUN of the build stage in an empty folder, the COPY
 * of the last stage into another folder, and the RUN of the stage between them there. Only `npm ci` does not run: the packages of this
 * checkout, which it installed, take its place.
 */
export async function buildImageFolder(): Promise<ImageFolder> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'image-')));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const [buildStage = [], warmStage = [], runStage = []] = readDockerfile(
      await readFile(join(project, 'Dockerfile'), 'utf8'),
    );
    const build = join(folder, 'build');
    const root = join(folder, 'root');
    await runBuildStage(buildStage, build);
    await copyAll(runStage, join(root, workingFolder(runStage)), build);
    await runWarmStage(warmStage, root);
    return { build, root, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Runs a command with the Node that runs the test. Rejects with the command's output if it fails. */
export async function runCommand(command: string, cwd: string): Promise<string> {
  const child = spawn('sh', ['-c', command], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${stderr}`);
  return stdout;
}

async function runBuildStage(stage: readonly Instruction[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const instruction of stage) {
    if (instruction.name === 'COPY') await copyAll([instruction], folder, '');
    if (instruction.name !== 'RUN') continue;
    if (instruction.value === 'npm ci') await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
    else await runCommand(instruction.value, folder);
  }
}

/** Runs the stage's command in the folder of the image, since V8 accepts compiled code only from the same path, and copies V8's output. */
async function runWarmStage(stage: readonly Instruction[], root: string): Promise<void> {
  const cache = join(root, '..', 'compile-cache');
  const [, ...program] = JSON.parse(valuesOf(stage, 'RUN')[0]!) as string[];
  const here = program.map((word) => (word.startsWith('/') ? join(root, word) : word));
  await runCommand(`NODE_COMPILE_CACHE=${cache} ${process.execPath} ${here.join(' ')}`, root);
  await cp(cache, join(root, workingFolder(stage), '.compile-cache'), { recursive: true });
}

/** @param built the folder with the files of the build stage, for `--from=build` */
async function copyAll(stage: readonly Instruction[], folder: string, built: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const value of valuesOf(stage, 'COPY')) {
    const words = value.split(' ');
    const fromBuild = words[0] === '--from=build';
    if (words[0] === '--from=warm') continue;
    const sources = words.slice(fromBuild ? 1 : 0, -1);
    const target = words.at(-1)!;
    for (const source of sources) {
      const from = fromBuild ? join(built, source.replace('/tocsin/', '')) : join(project, source);
      await cp(from, join(folder, target === './' ? basename(source) : target), { recursive: true });
    }
  }
}

function workingFolder(stage: readonly Instruction[]): string {
  return valuesOf(stage, 'WORKDIR').at(-1) ?? '/';
}
