import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a command line that ends by itself, with its own storage folder. */
export async function runTocsin(
  args: readonly string[],
  nodeArgs: readonly string[] = [],
  timeout = 60_000,
): Promise<Run> {
  const storage = await mkdtemp(join(tmpdir(), 'tocsin-run-'));
  try {
    const serves = args.some((arg) => arg.startsWith('--web.')) ? [`--storage.path=${storage}`] : [];
    const child = spawn(process.execPath, [...nodeArgs, join(root, 'src/main.ts'), ...args, ...serves], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: code as number | null, stdout, stderr };
  } finally {
    await rm(storage, { recursive: true, force: true });
  }
}
