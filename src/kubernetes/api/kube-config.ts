import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { showValue } from '../../config/settings/show-value.ts';
import { withExecPlugin } from './exec-plugin.ts';
import { readKubeConfig, type KubeConfigContent } from './kube-config-file.ts';

/** How the API server is found, as kubectl finds it. */
export interface ClusterAccess {
  /** Kubeconfig files, the first that has an entry wins; none: the ServiceAccount of the pod. */
  readonly kubeconfigs: readonly string[];
  /** Default: the files' `current-context`. */
  readonly context?: string | undefined;
}

interface LoadedFile {
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
  readonly config: KubeConfig;
}

/**
 * A configuration of exactly one cluster and one user, read anew at each call.
 * The library is loaded here and not at the top of a file: it takes 90 MB and half a second, which standalone must not pay.
 * Throws an Error for the user: which file, what is wrong with it.
 */
export async function loadKubeConfig({ kubeconfigs, context }: ClusterAccess): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  if (kubeconfigs.length === 0) {
    config.loadFromCluster();
    return config;
  }
  const files = kubeconfigs.map((file) => loadFile(new Config(), file));
  const { cluster, user } = select(files, context, kubeconfigs.join(', '));
  config.loadFromClusterAndUser(cluster, user);
  return config;
}

function loadFile(config: KubeConfig, file: string): LoadedFile {
  const content = readKubeConfig(file);
  try {
    config.loadFromString(JSON.stringify(content));
    const folder = dirname(resolve(file));
    config.makePathsAbsolute(folder);
    const tokenFiles = tokenFilesOf(content, folder);
    const users = config.getUsers().map((user) => {
      return withExecPlugin(withTokenFile(user, tokenFiles.get(user.name)), folder);
    });
    return { config, clusters: config.getClusters(), users };
  } catch (error) {
    throw new Error(`kubeconfig ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function select(
  files: readonly LoadedFile[],
  wanted: string | undefined,
  where: string,
): { readonly cluster: Cluster; readonly user: User } {
  const name = wanted ?? files.map(({ config }) => config.getCurrentContext()).find(Boolean);
  if (name === undefined)
    throw new Error(`kubeconfig ${where}: there is no current-context; choose one with --context`);
  const contexts = files.flatMap(({ config }) => config.getContexts());
  const context = named(contexts, name, `kubeconfig ${where}: there is no context "${name}"`);
  const missing = (what: string, other: string): string =>
    `kubeconfig ${where}: context "${name}" names the ${what} "${other}", which is not there`;
  const clusters = files.flatMap((file) => file.clusters);
  const cluster = named(clusters, context.cluster, missing('cluster', context.cluster));
  const users = files.flatMap((file) => file.users);
  const user = context.user ? named(users, context.user, missing('user', context.user)) : { name: 'anonymous' };
  return { cluster: usable(cluster, where), user };
}

/** The first of a name; throws with what there is instead. */
function named<T extends { readonly name: string }>(entries: readonly T[], name: string, problem: string): T {
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw new Error(`${problem}; there are: ${entries.map((entry) => entry.name).join(', ') || 'none'}`);
}

function usable(cluster: Cluster, where: string): Cluster {
  const { name, server, skipTLSVerify } = cluster;
  if (!/^https?:\/\//i.test(server) || !URL.canParse(server)) {
    const allowed = 'allowed: a URL that begins with https:// or http://';
    throw new Error(`kubeconfig ${where}: the server of cluster "${name}" is ${showValue(server)}; ${allowed}`);
  }
  const { pathname, search, hash } = new URL(server);
  // What was meant as a password would be told as a path.
  if (`${pathname}${search}${hash}`.includes('@')) {
    const allowed = 'allowed: a name and a password whose "/", "?", "#" and "@" are percent-encoded';
    throw new Error(`kubeconfig ${where}: the server of cluster "${name}" is ${showValue(server)}; ${allowed}`);
  }
  // The library leaves out the CA of the cluster when there is no user, and refuses plain http unless told so.
  return { ...cluster, skipTLSVerify: skipTLSVerify || server.startsWith('http:') };
}

/** The library knows only a key `token-file`; kubectl's is `tokenFile`. */
function tokenFilesOf({ users }: KubeConfigContent, folder: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const { name, user } of users ?? []) {
    const path = user?.tokenFile;
    if (path !== undefined) paths.set(name, isAbsolute(path) ? path : join(folder, path));
  }
  return paths;
}

/** As in client-go, the file wins over a token beside it: it is read again as it rotates. */
function withTokenFile(user: User, tokenFile: string | undefined): User {
  if (tokenFile === undefined) return user;
  const { token: _, ...rest } = user;
  return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
}
