import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import { written } from '../config/settings/show-value.ts';
import type { KubernetesDoor } from '../server/web/kubernetes-door.ts';
import { plainAddress } from '../server/request/request-head.ts';
import {
  mountedPeerToken,
  peerAudience,
  ServiceAccountToken,
  SharedToken,
  TokenFile,
  type PeerCredentials,
} from '../replica/peers/peer-credentials.ts';
import { listedPeers } from '../replica/peers/peers.ts';
import { marksAnnotation, Replication } from '../replica/peers/replication.ts';
import type { StageOptions } from './app-options.ts';
import type { FoundPeers, Replicas } from './replicas.ts';

interface PeersOptions {
  readonly options: StageOptions;
  readonly replicas: Replicas;
  readonly kubernetes: Pick<KubernetesDoor, 'tokens'>;
  /** The port on which it listens, once it does. */
  readonly port: () => number | undefined;
  readonly lookAtAll: () => void;
  /** The process, as its status names it. */
  readonly instance: string;
}

/** The other replicas, as far as this process has to do with them. */
export class AppPeers {
  readonly replication: Replication;
  readonly #slices: FoundPeers | undefined;

  constructor({ options, replicas, kubernetes, port, lookAtAll, instance }: PeersOptions) {
    const { config } = options;
    const hashOf = configHashes();
    const { advertise, peers } = config().replicas;
    this.#slices = peers.length === 0 ? slicesOf(options, replicas) : undefined;
    this.replication = new Replication({
      ...options,
      leadership: replicas.leadership,
      me: replicas.me,
      address: () => (advertise === null ? `${hostname()}:${port() ?? 0}` : new URL(advertise).host),
      source: this.#slices ?? listedPeers(peers, advertise),
      credentials: credentialsOf(options, kubernetes),
      httpConfig: () => config().replicas.http_config,
      about: () => ({ instance, config: hashOf(config()) }),
      lookAtAll,
      leaseAnnotations: () => replicas.annotations,
    });
    replicas.annotate(marksAnnotation, () => this.replication.annotations[marksAnnotation] ?? null);
  }

  /** Call it once the process listens. */
  start(): void {
    this.#slices?.start();
    this.replication.start();
  }

  async close(): Promise<void> {
    await this.replication.close();
    await this.#slices?.close();
  }
}

/** Hashes what replicas of one Tocsin have in common. One configuration is hashed once, since it is asked for with each greeting. */
function configHashes(): (config: Config) => string {
  const hashes = new WeakMap<Config, string>();
  return (config) => {
    const common = { ...config, replicas: { ...config.replicas, identity: null, advertise: null } };
    const found = hashes.get(config) ?? hash('sha256', written(common) ?? '').slice(0, 16);
    hashes.set(config, found);
    return found;
  };
}

function slicesOf(options: StageOptions, { namespace }: Replicas): FoundPeers | undefined {
  const { config, createPeerSlices, web } = options;
  const { service } = config().replicas;
  const scheme = (): 'http' | 'https' => (web?.configSource?.settings.tls === undefined ? 'http' : 'https');
  return createPeerSlices?.({ ...options, namespace, service, scheme, routePrefix: web?.routePrefix ?? '' });
}

function credentialsOf({ clock, config }: StageOptions, kubernetes: PeersOptions['kubernetes']): PeerCredentials {
  const { token_file: path } = config().replicas;
  if (path !== null) return new SharedToken(new TokenFile(path, clock));
  return new ServiceAccountToken({
    clock,
    file: new TokenFile(mountedPeerToken, clock),
    check: async (token, { socket }) => {
      const sender = { address: plainAddress(socket.remoteAddress ?? ''), connection: 0 };
      return kubernetes.tokens.check({ token, ...sender }, [peerAudience]);
    },
  });
}
