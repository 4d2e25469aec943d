import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { startChild, type Child } from './child-process.ts';
import { freePort } from './free-port.ts';
import { kubectl, type KubectlOptions } from './kubectl.ts';
import { pipelineCrds } from './pipeline-crds.ts';
import type { ServerPlace } from './server-process.ts';
import { requireServer, skipWithout } from './servers.ts';

export interface KubeApiServerOptions extends ServerPlace {
  /** CRDs to install before it counts as ready; default {@link pipelineCrds}: the three kinds, v1alpha1 and v1beta1. */
  readonly crds?: readonly object[];
}

export interface KubeApiServer {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** The folder with all its files; `apiserver.log` and `etcd.log` help when a test fails. */
  readonly folder: string;
  /** The path of a cluster admin's kubeconfig. */
  readonly kubeconfig: string;
  /** The path of the CA's certificate, in PEM. */
  readonly caFile: string;
  /** Runs kubectl as the cluster admin, or as the user in `kubeconfig`. */
  readonly kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<string>;
  /** `kubectl apply --server-side` of objects; resolves when the API server has them. */
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  /** The objects of `kubectl get ... -o json`: the items of a list, or one object itself. */
  readonly get: (...args: readonly string[]) => Promise<unknown>;
  /** A token of an existing ServiceAccount. @param duration in kubectl's notation, at least 10m */
  readonly createToken: (serviceAccount: string, namespace: string, duration?: string) => Promise<string>;
  /** Writes a kubeconfig with that token and returns its path. @param url of a proxy in front of the API server */
  readonly kubeconfigFor: (token: string, url?: string) => Promise<string>;
  /** The pid of the running process, to kill or pause it; it changes after {@link KubeApiServer.restart}. */
  readonly pid: (program: 'apiserver' | 'etcd') => number;
  /** Kills both at once, like a crash, and starts them again: same url, same objects, other pids. */
  readonly restart: () => Promise<void>;
  /** Kills both at once and removes the folder; a second call does nothing. */
  readonly stop: () => Promise<void>;
}

const script = fileURLToPath(new URL('../servers/kube', import.meta.url));

/** Like {@link skipWithout}, for everything that an API server needs. */
export function skipWithoutKube(): string | false {
  return skipWithout('etcd') || skipWithout('kube-apiserver') || skipWithout('kubectl');
}

/**
 * One API server for all tests of a `describe`, to be called in its body. A start takes 3 to 5 s, and a server needs 400 MB: share
 * it within a file, or in `test/cluster/pipelines.test.ts` or `triggers.test.ts` with others.
 */
export function useKubeApiServer(options: KubeApiServerOptions = {}): () => KubeApiServer {
  let server: KubeApiServer | undefined;
  before(async () => void (server = await startKubeApiServer(options)));
  after(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error('the API server runs only while the tests of its describe run');
    return server;
  };
}

/** Starts etcd and a real kube-apiserver with the CRDs of the pipelines: no nodes, no controllers, RBAC and admission on. */
export async function startKubeApiServer(options: KubeApiServerOptions = {}): Promise<KubeApiServer> {
  const { dir = tmpdir(), crds = pipelineCrds() } = options;
  for (const name of ['etcd', 'kube-apiserver'] as const) requireServer(name); // a test never waits for a build
  const ports = [options.port ?? (await freePort()), await freePort()] as const;
  const folder = await mkdtemp(join(dir, 'kube-'));
  try {
    const server = serverIn(folder, ports, await startReady(folder, ports));
    await install(server, crds);
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The API server's and etcd's. */
type Ports = readonly [number, number];

function serverIn(folder: string, ports: Ports, first: Child): KubeApiServer {
  const [port] = ports;
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  const run: KubeApiServer['kubectl'] = (args, options) => kubectl(args, { kubeconfig, ...options });
  let child = first;
  let written = 0;
  return {
    url,
    port,
    folder,
    kubeconfig,
    caFile: join(folder, 'ca.crt'),
    kubectl: run,
    apply: async (...objects) => {
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      if (objects.length > 0) await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input });
    },
    get: async (...args) => itemsOf(JSON.parse(await run(['get', ...args, '-o', 'json']))),
    createToken: async (serviceAccount, namespace, duration = '1h') =>
      (await run(['create', 'token', serviceAccount, `--namespace=${namespace}`, `--duration=${duration}`])).trim(),
    kubeconfigFor: async (token, server = url) => {
      written += 1;
      const path = join(folder, `kubeconfig-${written}`);
      await writeFile(path, await kubeconfigText(folder, server, token), { mode: 0o600 });
      return path;
    },
    pid: (program) => pidIn(folder, program),
    restart: async () => {
      await end(child, folder);
      child = await startReady(folder, ports);
    },
    stop: async () => {
      await end(child, folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the script says that the API answers. The same folder and ports restore the same objects. */
async function startReady(folder: string, ports: Ports): Promise<Child> {
  const { promise, resolve } = Promise.withResolvers<'ready'>();
  const child = await startChild({
    name: 'kube',
    command: script,
    args: [folder, ...ports.map(String)],
    onLine: (line) => line.startsWith('ready ') && resolve('ready'),
  });
  const outcome = await Promise.race([promise, child.exited]);
  if (outcome === 'ready') return child;
  throw new Error(`kube ended (${outcome.code ?? outcome.signal}); its last lines:\n${child.recentOutput()}`);
}

async function install(server: KubeApiServer, crds: readonly object[]): Promise<void> {
  try {
    await server.apply(...crds);
    if (crds.length > 0) await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** SIGKILL: after SIGTERM an API server waits up to a minute for its watches, and SIGKILL loses nothing on disk. */
async function end(child: Child, folder: string): Promise<void> {
  for (const program of ['apiserver', 'etcd'] as const) killIfAlive(folder, program);
  await child.stop();
}

function killIfAlive(folder: string, program: 'apiserver' | 'etcd'): void {
  try {
    process.kill(pidIn(folder, program), 'SIGKILL');
  } catch {
    // a test has killed it already, or stopped all
  }
}

function pidIn(folder: string, program: 'apiserver' | 'etcd'): number {
  return Number(readFileSync(join(folder, `${program}.pid`), 'utf8'));
}

function itemsOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'items' in answer ? answer.items : answer;
}

async function kubeconfigText(folder: string, server: string, token: string): Promise<string> {
  const ca = await readFile(join(folder, 'ca.crt'), 'base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    users: [{ name: 'test', user: { token } }],
  });
}
