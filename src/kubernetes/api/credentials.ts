import type { RequestOptions } from 'node:https';
import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../runtime/clock.ts';
import { configurationFileBytes, checkRegularFile, FileRefusedError } from '../../runtime/regular-file.ts';
import type { Environment, Proxy } from '../../outbound/proxy-environment.ts';
import { ExecPlugin } from './exec-plugin.ts';
import { clusterServer, type ClusterServer } from './kube-config.ts';

/** What a connection to the API server needs besides its address. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** How one call reaches the API server at present. */
export interface Access {
  /** The URL of the API server, without a trailing slash, name and password. */
  readonly server: string;
  readonly proxy: Proxy | undefined;
  /** Authorization, and the user to impersonate. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/**
 * The credentials of a kubeconfig or of a ServiceAccount, by the rules of @kubernetes/client-node: token and certificate files are
 * read again as they rotate (a token file once a minute), and OIDC is asked for a new token when the old one has expired. Exec
 * plugins are run by {@link ExecPlugin}.
 *
 * The library has two ways to apply credentials. This class uses applyToHTTPSOptions, which hands out headers and TLS material. The
 * library's own API classes use applySecurityAuthentication, which makes a new dispatcher, and so a new connection, for every call.
 */
export class Credentials {
  readonly #load: () => Promise<KubeConfig>;
  readonly #clock: Clock;
  readonly #environment: Environment;
  readonly #closed = new AbortController();
  readonly #servers = new WeakMap<Cluster, ClusterServer>();
  #config: Promise<KubeConfig> | undefined;
  #access: Promise<Access> | undefined;

  /**
   * @param load reads the configuration anew; it is called again after {@link renew}
   * @param environment the environment that may name a proxy
   */
  constructor(load: () => Promise<KubeConfig>, clock: Clock, environment: Environment = process.env) {
    this.#load = load;
    this.#clock = clock;
    this.#environment = environment;
  }

  /** Rejects when a file cannot be read or a plugin fails. Simultaneous calls share one answer, and so one run of a plugin. */
  access(): Promise<Access> {
    this.#access ??= this.#read().finally(() => (this.#access = undefined));
    return this.#access;
  }

  /** To be called when the server has refused the credentials: forgets everything cached, including the answer of a plugin. */
  renew(): void {
    this.#config = undefined;
  }

  /** Ends a running plugin. */
  close(): void {
    this.#closed.abort();
  }

  async #read(): Promise<Access> {
    const config = await this.#loaded();
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    await checkFiles(config);
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options).catch(rethrowWithoutText);
    const { server, authorization, proxy } = this.#servers.get(cluster) ?? this.#serverOf(cluster);
    const headers = { ...(authorization !== undefined && { authorization }), ...headersOf(options) };
    return { server, proxy, headers, tls: tlsOf(options) };
  }

  /** The environment stays what it was at the start, so a cluster is looked at once. */
  #serverOf(cluster: Cluster): ClusterServer {
    const server = clusterServer(cluster, this.#environment);
    this.#servers.set(cluster, server);
    return server;
  }

  async #loaded(): Promise<KubeConfig> {
    this.#config ??= this.#loadWithPlugin();
    try {
      return await this.#config;
    } catch (error) {
      this.#config = undefined;
      throw error;
    }
  }

  async #loadWithPlugin(): Promise<KubeConfig> {
    const config = await this.#load();
    const user = config.getCurrentUser();
    const plugin = new ExecPlugin({ clock: this.#clock, signal: this.#closed.signal });
    if (user !== null && plugin.isAuthProvider(user)) config.addAuthenticator(plugin);
    return config;
  }
}

/** The library reads each file synchronously, whatever it is: a named pipe would block the process for ever. */
async function checkFiles(config: KubeConfig): Promise<void> {
  const user = config.getCurrentUser();
  const provider = user?.authProvider as { readonly config?: { readonly tokenFile?: unknown } } | undefined;
  const paths = [config.getCurrentCluster()?.caFile, user?.certFile, user?.keyFile, provider?.config?.tokenFile];
  for (const path of paths) if (typeof path === 'string' && path !== '') await checkFile(path);
}

async function checkFile(path: string): Promise<void> {
  try {
    await checkRegularFile(path, configurationFileBytes);
  } catch (error) {
    if (error instanceof FileRefusedError) throw new Error(`${path} ${error.message}`, { cause: error });
    throw error;
  }
}

/** JSON.parse quotes the text that it cannot read, and the text of an OIDC or other provider may be a token. */
function rethrowWithoutText(error: unknown): never {
  if (error instanceof SyntaxError) throw new Error('what the auth-provider of the kubeconfig gave is not JSON');
  throw error;
}

function headersOf({ headers, auth }: RequestOptions): Readonly<Record<string, string>> {
  // A token file may end with a line feed, which no header may contain.
  const given = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value).trim()]);
  const basic = typeof auth === 'string' ? [['authorization', `Basic ${Buffer.from(auth).toString('base64')}`]] : [];
  return Object.fromEntries([...basic, ...given]) as Readonly<Record<string, string>>;
}

function tlsOf(options: RequestOptions): TlsMaterial {
  const { ca, cert, key, servername, rejectUnauthorized } = options as TlsMaterial;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}
