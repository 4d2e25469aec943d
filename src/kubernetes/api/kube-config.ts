import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { showValue, showText } from '../../config/settings/show-value.ts';
import { execProvider, withExecPlugin } from './exec-plugin.ts';
import { isAllowed, notAllowed, type NamedServers } from '../../config/tenant-configs.ts';
import { describeReadError } from '../../config/settings/settings-file.ts';
import { parseYaml } from '../../config/settings/yaml-file.ts';
import { configurationFileBytes, readRegularFileSync } from '../../runtime/regular-file.ts';
import { percentDecoded } from '../../text/go/url.ts';
import { denyPrivate } from '../../outbound/address-guard.ts';
import { proxyFromEnvironment, type Environment, type Proxy } from '../../outbound/proxy-environment.ts';

/** The token limit of a kubeconfig: enough for some five hundred clusters, each with a context and a user. */
const kubeConfigTokens = 50_000;

/** How to find the API server, by the rules of kubectl. */
export interface ClusterAccess {
  /** Kubeconfig files, of which the first that has an entry wins; none: the ServiceAccount of the pod. */
  readonly kubeconfigs: readonly string[];
  /** Default: the files' `current-context`. */
  readonly context?: string | undefined;
  /** The user to impersonate, as `kubectl --as` does. */
  readonly as?: string | undefined;
  /** Which servers the files may name, if another one than the admin has written them. Default: any, and programs. */
  readonly servers?: NamedServers | undefined;
}

interface LoadedFile {
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
  readonly config: KubeConfig;
}

/**
 * A configuration of exactly one cluster and one user, read anew at each call.
 * The library is loaded here and not at the top of a file: it takes 90 MB and half a second, a cost that standalone must not have.
 * Throws an Error for the user that says which file is wrong, and what is wrong with it.
 */
export async function loadKubeConfig({ kubeconfigs, context, as, servers }: ClusterAccess): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  if (kubeconfigs.length === 0) {
    config.loadFromCluster();
    if (as !== undefined) impersonate(config, config.getCurrentCluster()!, config.getCurrentUser()!, as);
    return config;
  }
  const files = kubeconfigs.map((file) => loadFile(new Config(), file));
  const { cluster, user } = select(files, context, kubeconfigs.join(', '));
  if (servers !== undefined) requireNamed(servers, cluster, user, kubeconfigs.join(', '));
  if (as === undefined) config.loadFromClusterAndUser(cluster, user);
  else impersonate(config, cluster, user, as);
  return config;
}

/** Throws if the kubeconfig calls for a server that its writer may not name, or runs a program, which could do anything. */
function requireNamed(
  { allowed, denyPrivate: isDenied }: NamedServers,
  cluster: Cluster,
  user: User,
  where: string,
): void {
  const urls = [cluster.server, ...(cluster.proxyUrl ? [cluster.proxyUrl] : [])];
  const wrongUrl = allowed === null ? undefined : urls.find((url) => !isAllowed(url, allowed));
  if (wrongUrl !== undefined) throw new Error(`kubeconfig ${where}: ${notAllowed(wrongUrl, allowed ?? [])}`);
  const guard = isDenied ? denyPrivate() : undefined;
  for (const url of urls) guard?.check(url);
  const { name: provider = '' } = (user.authProvider ?? {}) as { readonly name?: string };
  if (provider === '' || provider === 'tokenFile') return;
  const found = provider === execProvider ? 'exec' : 'auth-provider';
  const why = 'with tenants.allowed_urls or tenants.deny_private, a tenant names no program and no further server';
  const rule = 'allowed: token, tokenFile, username and password, a client certificate';
  throw new Error(`kubeconfig ${where}: the user "${user.name}" has ${found}; ${why}; ${rule}`);
}

function impersonate(config: KubeConfig, cluster: Cluster, user: User, as: string): void {
  config.loadFromClusterAndUser(cluster, { ...user, impersonateUser: as });
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

/** The first entry of this name; otherwise throws and lists the existing names. */
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
  // Otherwise the message would show as a path what was meant as a password.
  if (`${pathname}${search}${hash}`.includes('@')) {
    const allowed = 'allowed: a name and a password whose "/", "?", "#" and "@" are percent-encoded';
    throw new Error(`kubeconfig ${where}: the server of cluster "${name}" is ${showValue(server)}; ${allowed}`);
  }
  // The library leaves out the CA of the cluster when there is no user, and refuses plain http unless it is told otherwise.
  return { ...cluster, skipTLSVerify: skipTLSVerify || server.startsWith('http:') };
}

/** The library knows only a key `token-file`, but kubectl's key is `tokenFile`. */
function tokenFilesOf({ users }: KubeConfigContent, folder: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const { name, user } of users ?? []) {
    const path = user?.tokenFile;
    if (path !== undefined) paths.set(name, isAbsolute(path) ? path : join(folder, path));
  }
  return paths;
}

/** As in client-go, the file wins over a token beside it: the file is read again as it rotates. */
function withTokenFile(user: User, tokenFile: string | undefined): User {
  if (tokenFile === undefined) return user;
  const { token: _, ...rest } = user;
  return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
}

/** The part of a kubeconfig that is read here; the library reads the rest. */
interface KubeConfigContent {
  readonly users?: readonly { readonly name: string; readonly user?: { readonly tokenFile?: string } | null }[];
}

/**
 * The content of a kubeconfig. Throws an Error with one line for the user: where the file is wrong, and why. The line quotes none of
 * the file; the library's own reader would quote it, tokens included.
 */
function readKubeConfig(file: string): KubeConfigContent {
  const { root, problems, position } = parseYaml(readText(file), { tokens: kubeConfigTokens });
  const [problem] = problems;
  if (problem !== undefined) throw wrong(`${file}:${position(problem.offset)}`, problem.text);
  if (root?.value instanceof Object && !Array.isArray(root.value)) return root.value;
  throw wrong(file, 'not a kubeconfig, allowed: a map with clusters, users and contexts');
}

function readText(file: string): string {
  try {
    return readRegularFileSync(file, configurationFileBytes).toString('utf8');
  } catch (error) {
    throw wrong(file, describeReadError(error));
  }
}

function wrong(place: string, why: string): Error {
  return new Error(`kubeconfig ${showText(place)}: ${why}`);
}

/** The address of a cluster's API server, and how to reach it. */
export interface ClusterServer {
  /** Without a trailing slash, and without name, password and query. */
  readonly server: string;
  /** From the name and password in the URL, which client-go also uses; undefined if there are none. */
  readonly authorization: string | undefined;
  /** The cluster's own proxy, to which NO_PROXY does not apply, or the environment's. */
  readonly proxy: Proxy | undefined;
}

/** Throws an Error for the user if the environment's value is not a proxy. */
export function clusterServer(cluster: Cluster, environment: Environment): ClusterServer {
  const { origin, pathname, username, password } = new URL(cluster.server);
  const server = origin + pathname.replace(/\/+$/, '');
  const pair = `${percentDecoded(username)}:${percentDecoded(password)}`;
  const authorization = pair === ':' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`;
  const proxy = cluster.proxyUrl
    ? { url: cluster.proxyUrl, namedBy: 'proxy-url of the kubeconfig' }
    : proxyFromEnvironment(server, environment);
  return { server, authorization, proxy };
}
