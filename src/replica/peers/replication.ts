import type { AlertStore } from '../../alert/alert-store.ts';
import type { HttpConfig } from '../../config/http-config.ts';
import type { Route } from '../../server/routes.ts';
import type { ClusterStatus } from '../../receiver/lists/api-json.ts';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Leadership } from '../leadership.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { PeerReport } from './peer-report.ts';
import { peerRoutes } from './peer-routes.ts';
import { peerProtocol, Peers, type Peer, type PeerSource } from './peers.ts';
import { SpineReplica } from './spine-replica.ts';

/** The annotation of the lease in which its holder says how far it is. */
export const marksAnnotation = 'tocsin.dev/marks';

/** The most tenants whose marks the lease has; of the others, followers learn the same when they tell the leader something. */
const maxMarkedTenants = 500;

/**
 * How often the leader looks at every object while a replica does not answer it, milliseconds: what only that one was told may wait there.
 */
export const partitionedLookMs = 30_000;

/** A replica that starts waits no longer for what the others know, milliseconds. */
const longestJoinMs = 3000;

/** The time between two looks at what the lease says, milliseconds. */
const leaseReadMs = 1000;

export interface ReplicationOptions extends Runtime {
  readonly leadership: Leadership;
  /** The own name as a holder of the lease. */
  readonly me: string;
  /** The own address, as others reach it; for people. */
  readonly address: () => string;
  readonly source: PeerSource;
  readonly credentials: PeerCredentials;
  readonly httpConfig: () => HttpConfig;
  /** The version of the program. */
  readonly version: string;
  /** The process, and a hash of its configuration. */
  readonly about: () => { readonly instance: string; readonly config: string };
  /** Every object has to be looked at: what a replica knew may not have come here. */
  readonly lookAtAll: () => void;
  /** The annotations that the lease had last. Default: nobody reads them. */
  readonly leaseAnnotations?: () => Readonly<Record<string, string>>;
}

/** What a process does with the other replicas, for all of its tenants. */
export class Replication {
  readonly routes: readonly Route[];
  readonly peers: Peers;
  readonly #options: ReplicationOptions;
  readonly #report: PeerReport;
  readonly #spines = new Map<string, SpineReplica>();
  readonly #learning = new Set<Promise<void>>();
  #cancelLook: CancelTimer | undefined;
  #cancelRead: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.#report = new PeerReport({ ...options, onEvent: (peer) => this.#peerChanged(peer) });
    const token = (): Promise<string> => options.credentials.token();
    const ownConfig = (): string => options.about().config;
    this.peers = new Peers({ ...options, token, ownConfig, observer: this.#report });
    this.routes = peerRoutes({
      ...options,
      report: this.#report,
      hello: () => ({
        version: peerProtocol,
        identity: options.me,
        leading: options.leadership.isLeading,
        term: options.leadership.term,
        tocsin: options.version,
        time: options.clock.now(),
        ...options.about(),
      }),
      spine: (tenant) => this.#spines.get(tenant),
    });

    this.#report.watch(
      options.registry,
      () => [...this.#spines.values()].reduce((sum, { pending }) => sum + pending, 0),
      () => ({ up: this.peers.others.filter(({ isUp }) => isUp).length, down: this.peers.unreachable.length }),
    );
  }

  /** The part of one spine. @param tenant `''` for that without a tenant */
  spine(tenant: string, runtime: Runtime, store: AlertStore): SpineReplica {
    const spine = new SpineReplica({
      ...runtime,
      leadership: this.#options.leadership,
      peers: this.peers,
      report: this.#report,
      store,
      tenant: tenant === '' ? '' : new URLSearchParams({ tenant }).toString(),
      cluster: () => this.cluster,
      me: this.#options.me,
    });
    this.#spines.set(tenant, spine);
    return spine;
  }

  /** What `GET /api/v2/status` says, this replica first. */
  get cluster(): ClusterStatus {
    const { address, leadership, me } = this.#options;
    const others = this.peers.others
      .filter(({ isUp }) => isUp)
      .map(({ identity, url }) => ({ name: identity, address: new URL(url).host }));
    return {
      name: me,
      peers: [{ name: me, address: address() }, ...others.toSorted((a, b) => (a.name < b.name ? -1 : 1))],
      status: leadership.leader === '' ? 'settling' : 'ready',
    };
  }

  /** The annotations of the lease while this replica holds it: how far it is. They ride on renewals that are made anyway. */
  get annotations(): Readonly<Record<string, string>> {
    const marks = [...this.#spines].flatMap(([tenant, { covered }]) =>
      covered === undefined ? [] : [[tenant, covered]],
    );
    const { term } = this.#options.leadership;
    const covered = Object.fromEntries(marks.slice(0, maxMarkedTenants)) as Record<string, number>;
    return { [marksAnnotation]: JSON.stringify({ version: peerProtocol, term, covered }) };
  }

  /** Reads what the holder of the lease says. What is not as expected says nothing. */
  leaseSays(annotations: Readonly<Record<string, string>>): void {
    const said = marksOf(annotations[marksAnnotation]);
    if (said === undefined) return;
    for (const [tenant, mark] of Object.entries(said.covered))
      if (typeof mark === 'number') this.#spines.get(tenant)?.leaseSays(said.term, mark);
  }

  start(): void {
    this.peers.start();
    this.#readLease();
  }

  /** Resolves once this replica knows what the others know, or after {@link longestJoinMs}. Never rejects. */
  async joined(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimeout(resolve, longestJoinMs);
    await Promise.race([this.#join(), late]);
    cancel();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook?.();
    this.#cancelRead?.();
    await Promise.all([...this.#spines.values()].map((spine) => spine.close()));
    await this.peers.close();
  }

  async #join(): Promise<void> {
    await this.#options.source.listed?.();
    await this.peers.greeted();
    await Promise.all(this.#learning);
  }

  /** The watch of the lease keeps what it says: this asks nobody. */
  #readLease(): void {
    const { clock, leaseAnnotations } = this.#options;
    if (leaseAnnotations === undefined || this.#isClosed) return;
    this.leaseSays(leaseAnnotations());
    this.#cancelRead = clock.setTimeout(() => this.#readLease(), leaseReadMs);
  }

  /** What one that went had not told any more, and what one that came was told meanwhile, shows when everything is looked at. */
  #peerChanged(peer: Peer): void {
    if (this.#isClosed) return;
    if (peer.isUp) for (const spine of this.#spines.values()) this.#learn(spine.learnFrom(peer));
    const { leadership, lookAtAll } = this.#options;
    if (leadership.isLeading) lookAtAll();
    this.#lookWhilePartitioned();
  }

  #learn(learning: Promise<void>): void {
    this.#learning.add(learning);
    void learning.then(() => this.#learning.delete(learning));
  }

  #lookWhilePartitioned(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (this.peers.unreachable.length === 0) return;
    const { clock, leadership, lookAtAll } = this.#options;
    this.#cancelLook = clock.setTimeout(() => {
      if (leadership.isLeading) lookAtAll();
      this.#lookWhilePartitioned();
    }, partitionedLookMs);
  }
}

function marksOf(text: string | undefined): { readonly term: number; readonly covered: object } | undefined {
  try {
    const said: unknown = JSON.parse(text ?? '');
    if (typeof said !== 'object' || said === null) return undefined;
    const { term, covered } = said as { readonly term?: unknown; readonly covered?: unknown };
    if (typeof term !== 'number' || typeof covered !== 'object' || covered === null) return undefined;
    return { term, covered };
  } catch {
    return undefined;
  }
}
