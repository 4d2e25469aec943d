import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Run } from './run-tocsin.ts';
import { requireServer } from './servers.ts';

export interface KubectlOptions {
  /** The path of a kubeconfig. Without it kubectl finds no cluster, whatever the machine's own settings are. */
  readonly kubeconfig?: string;
  /** Standard input, for `-f -`. */
  readonly input?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs kubectl in the project's root, so that `-k k8s/` is what a user would write. Rejects with kubectl's complaint. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, options);
  if (code === 0) return stdout;
  throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
}

/** Like {@link kubectl}, for tests of a failure: resolves to the exit code and both outputs. */
export async function tryKubectl(
  args: readonly string[],
  { kubeconfig = '/dev/null', input = '' }: KubectlOptions = {},
): Promise<Run> {
  const child = spawn(requireServer('kubectl'), args, {
    cwd: root,
    env: { ...process.env, KUBECONFIG: kubeconfig },
    timeout: 60_000,
  });
  child.stdin.on('error', () => undefined); // it may end without having read everything
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number | null, stdout, stderr };
}
