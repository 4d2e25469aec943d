import type { Cluster } from '@kubernetes/client-node';
import { percentDecoded } from '../../text/go/url.ts';
import { proxyFromEnvironment, type Environment, type Proxy } from '../../proxy/proxy-environment.ts';

/** Where the API server of a cluster is, and how it is reached. */
export interface ClusterServer {
  /** Without a slash at its end, and without name, password and query. */
  readonly server: string;
  /** Of the name and password in the URL, as client-go takes them; undefined if there are none. */
  readonly authorization: string | undefined;
  /** The cluster's own, for which NO_PROXY does not hold, or that of the environment. */
  readonly proxy: Proxy | undefined;
}

/** Throws an Error for the user if the environment names a proxy that is none. */
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
