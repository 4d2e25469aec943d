import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './kustomize.ts';
import type { Run } from './run-tocsin.ts';
import { requireServer } from './servers.ts';

export interface HelmOptions {
  /** Default: Helm 4. */
  readonly version?: 'helm' | 'helm-3';
  /** The path of a kubeconfig. Without it Helm finds no cluster, whatever the machine's own settings are. */
  readonly kubeconfig?: string;
  /** For `--values -`. */
  readonly input?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
export const chart = 'charts/tocsin';

/** Runs Helm in the project's root, without any settings of this machine. Rejects with Helm's complaint. */
export async function helm(args: readonly string[], options: HelmOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryHelm(args, options);
  if (code === 0) return stdout;
  throw new Error(`helm ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
}

/** Like {@link helm}, for tests of a failure: resolves to the exit code and both outputs. */
export async function tryHelm(
  args: readonly string[],
  { version = 'helm', kubeconfig = '/dev/null', input = '' }: HelmOptions = {},
): Promise<Run> {
  const nowhere = '/nonexistent';
  const homes = { HELM_CACHE_HOME: nowhere, HELM_CONFIG_HOME: nowhere, HELM_DATA_HOME: nowhere };
  const child = spawn(requireServer(version), args, {
    cwd: root,
    env: { ...process.env, ...homes, KUBECONFIG: kubeconfig },
    timeout: 120_000,
  });
  child.stdin.on('error', () => undefined); // it may end without having read everything
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number | null, stdout, stderr };
}

export interface Release {
  readonly name?: string;
  readonly namespace?: string;
  readonly version?: 'helm' | 'helm-3';
}

/** Renders the chart with these values, without a cluster. They go as JSON, since YAML 1.1 of Go takes `on` for true. */
export function tryTemplate(
  values: object,
  { name = 'tocsin', namespace = 'tocsin', version = 'helm' }: Release = {},
): Promise<Run> {
  const args = ['template', name, chart, `--namespace=${namespace}`, '--values=-'];
  return tryHelm(args, { version, input: escaped(JSON.stringify(values)) });
}

/** These end a line in the YAML of Go, even within quotes. */
function escaped(json: string): string {
  return json.replaceAll(/[\u0085\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The objects that an installation with these values creates, hooks included. */
export async function template(values: object, release: Release = {}): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await tryTemplate(values, release);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** A hook of Helm is no object of the release: it comes and goes. */
export function isHook({ metadata }: Manifest): boolean {
  const { annotations } = metadata as { annotations?: Readonly<Record<string, string>> };
  return annotations?.['helm.sh/hook'] !== undefined;
}
