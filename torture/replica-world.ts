import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../src/runtime/eventually.fixture.ts';
import { startFaultProxy } from '../test/support/fault-proxy.ts';
import { freePort } from '../test/support/free-port.ts';
import { flowHealthOf, KubeAdmin } from '../test/support/kube-admin.ts';
import type { KubeApiServer } from '../test/support/kube-api-server.ts';
import { isLeaseWrite, isWrite, LeaseWatch } from '../test/support/lease-watch.ts';
import { startPrometheus } from '../test/support/prometheus-server.ts';
import { leaderOf, Replica } from '../test/support/replica-cluster.ts';
import { startRoundRobin } from '../test/support/round-robin.ts';
import { startScrapeTarget } from '../test/support/scrape-target.ts';
import { startTocsin, type TocsinOptions } from '../test/support/tocsin-process.ts';
import { Link } from './link.ts';

/** To whom Prometheus pushes: every replica, one that is chosen, or the next one with each connection. */
export type PushTo = 'all' | 'one' | 'round robin';

export interface ReplicaWorldOptions {
  readonly server: KubeApiServer;
  readonly pushTo: PushTo;
  /** False: Tocsin cannot ask Prometheus, and the alerts of the replicas together are the truth. Default true. */
  readonly asks?: boolean;
  /** Default: as short as the configuration allows. */
  readonly lease?: string;
  /** The number of places for a process, each of which the others know. Default 3. */
  readonly places?: number;
  /** How many of them have a process from the start. Default: all. */
  readonly started?: number;
  readonly main?: string | undefined;
  /** What the process of a place gets besides. */
  readonly process?: (place: number) => Pick<TocsinOptions, 'environment'>;
}

/** When something happens to a replica. */
export const moments = [
  'POST',
  '200',
  'debounce',
  'told',
  'lease write',
  'lease answer',
  'patch',
  'patch answer',
] as const;
export type Moment = (typeof moments)[number];

export const pipelines = Array.from({ length: 8 }, (_, index) => `p-${index}`);
export const shortLease = 'duration: 3s, renew_deadline: 2s, retry_period: 1s';

const alertname = 'TraceGatewayAllDataDropped';
const failing = 'GatewayAllTelemetryDataDropped';
/** What is pushed and lost comes back by itself only then. */
const resendDelay = '1m';

/** A replica whose every connection can be cut by itself. */
export class WorldReplica extends Replica {
  readonly port: number;
  readonly place: number;
  /** The way of Prometheus to it. */
  readonly front: Link;
  /** Its way to Prometheus. */
  readonly toPrometheus: Link;
  /** Its ways to the others, by their places. */
  readonly toPeers: ReadonlyMap<number, Link>;
  onMoment: (moment: Moment) => void = () => undefined;

  constructor(
    place: number,
    parts: Pick<WorldReplica, 'proxy' | 'port' | 'front' | 'toPrometheus' | 'toPeers'>,
    start: () => ReturnType<typeof startTocsin>,
  ) {
    super(`replica-${place}`, parts.proxy, start);
    this.place = place;
    ({ port: this.port, front: this.front, toPrometheus: this.toPrometheus, toPeers: this.toPeers } = parts);
    this.#listen();
  }

  get links(): readonly Link[] {
    return [this.front, this.toPrometheus, ...this.toPeers.values()];
  }

  #listen(): void {
    const tell = (moment: Moment): void => this.onMoment(moment);
    this.front.onRequest = (text) => text.startsWith('POST ') && tell('POST');
    this.front.onAnswer = (text) => {
      if (!text.startsWith('HTTP/1.1 200')) return;
      tell('200');
      // The debouncer waits for 50 ms, and no longer than 100 ms.
      setTimeout(tell, 5 + 70 * Math.random(), 'debounce');
    };
    for (const link of this.toPeers.values()) link.onRequest = (text) => text.includes('/v1/told') && tell('told');
    const { proxy } = this;
    const { answered } = proxy;
    proxy.answered = (call, status) => {
      answered(call, status);
      if (isLeaseWrite(call)) tell('lease answer');
      else if (isWrite(call)) tell('patch answer');
    };
    // Not its fault, which a partition replaces.
    const { calls } = proxy;
    const push = calls.push;
    calls.push = (...added) => {
      for (const call of added) {
        if (isLeaseWrite(call)) tell('lease write');
        else if (isWrite(call)) tell('patch');
      }
      return push(...added);
    };
  }
}

/** Three replicas that know each other, on a real API server, with a real Prometheus that asks a target what fires and pushes it. */
export class ReplicaWorld {
  readonly replicas: WorldReplica[] = [];
  readonly watch = new LeaseWatch();
  readonly #options: ReplicaWorldOptions;
  readonly #admin: KubeAdmin;
  readonly #firing = new Set<string>();
  /** In the order of their start. */
  readonly #stops: (() => Promise<unknown>)[] = [];
  #folder = '';
  #prometheusPort = 0;
  #target = 0;
  #one: Link | undefined;

  private constructor(options: ReplicaWorldOptions) {
    this.#options = options;
    this.#admin = new KubeAdmin(options.server);
  }

  static async start(options: ReplicaWorldOptions): Promise<ReplicaWorld> {
    const world = new ReplicaWorld(options);
    try {
      await world.#open();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.replicas.map((replica) => replica.kill()));
    for (const stop of this.#stops.toReversed()) await stop().catch(() => undefined);
    await this.#admin.clear().catch(() => undefined);
    await this.#admin.close();
  }

  get running(): readonly WorldReplica[] {
    return this.replicas.filter(({ process: running }) => running !== undefined);
  }

  leader(timeoutMs?: number): Promise<WorldReplica> {
    return leaderOf(this.replicas, timeoutMs);
  }

  /** The one to which Prometheus pushes, if it pushes to one. */
  set target({ place }: WorldReplica) {
    this.#target = place;
    this.#one?.reset();
  }

  /** Another state of one pipeline, which Prometheus sees within a second. */
  flip(pipeline: string): void {
    if (!this.#firing.delete(pipeline)) this.#firing.add(pipeline);
    this.watch.changed(pipeline);
  }

  /** Resolves to the pipelines whose condition is not right, once there are none or the time is over. */
  async wrong(timeoutMs: number): Promise<readonly string[]> {
    const ask = async (): Promise<readonly string[]> => (wrong = await this.#wrong());
    let wrong: readonly string[] = pipelines;
    await eventually(ask, (found) => found.length === 0, timeoutMs, 50).catch(() => undefined);
    return wrong;
  }

  async #wrong(): Promise<readonly string[]> {
    const found = await this.#admin.list('TracePipeline');
    return found
      .filter((object) => {
        const { reason } = flowHealthOf(object) ?? {};
        return reason === undefined || (reason === failing) !== this.#firing.has(object.metadata.name);
      })
      .map(({ metadata: { name } }) => name);
  }

  async #open(): Promise<void> {
    const { places = 3, started = places } = this.#options;
    this.#folder = await mkdtemp(join(tmpdir(), 'torture-replicas-'));
    this.#stops.push(() => rm(this.#folder, { recursive: true, force: true }));
    await writeFile(join(this.#folder, 'token'), 'the-token-of-all-replicas\n');
    await this.#admin.create('TracePipeline', pipelines);
    const ports: number[] = [];
    for (let place = 0; place < places; place++) ports.push(await freePort());
    for (const place of ports.keys()) this.replicas.push(await this.#replica(place, ports));
    // Before the replicas, which ask it.
    await this.#startPrometheus();
    await Promise.all(this.replicas.slice(0, started).map((replica) => replica.start()));
    // The first conditions are written before anything changes.
    const wrong = await this.wrong(60_000);
    if (wrong.length > 0) throw new Error(`no condition of ${wrong.join(', ')} within a minute`);
  }

  async #startPrometheus(): Promise<void> {
    const target = await startScrapeTarget(() =>
      pipelines.map((name) => `torture_failing{pipeline_name="${name}"} ${this.#firing.has(name) ? 1 : 0}\n`).join(''),
    );
    this.#stops.push(() => target.stop());
    const alertmanagers = (await this.#pushedTo()).map((port) => `127.0.0.1:${port}`);
    // A scrape that fails on a busy machine is no news.
    const expr = 'max by (pipeline_name) (last_over_time(torture_failing[5m])) == 1';
    const prometheus = await startPrometheus({
      rules: JSON.stringify({ groups: [{ name: 'torture', interval: '1s', rules: [{ alert: alertname, expr }] }] }),
      scrapeTargets: [target.address],
      alertmanagers,
      resendDelay,
    });
    this.#stops.push(() => prometheus.stop());
    this.#prometheusPort = prometheus.port;
    await eventually(
      async () => (await (await fetch(`${prometheus.url}/api/v1/alertmanagers`)).text()).split('"url"').length - 1,
      (found) => found === alertmanagers.length,
      60_000,
    );
  }

  async #pushedTo(): Promise<readonly number[]> {
    const fronts = this.replicas.map(({ front }) => front.port);
    const { pushTo } = this.#options;
    if (pushTo === 'all') return fronts;
    if (pushTo === 'one') {
      this.#one = await this.#link(() => fronts[this.#target]!);
      return [this.#one.port];
    }
    const service = await startRoundRobin(() => fronts, { idleMs: 50 });
    this.#stops.push(() => service.stop());
    return [service.port];
  }

  async #replica(place: number, ports: readonly number[]): Promise<WorldReplica> {
    const { server, main, process: extras = () => ({}) } = this.#options;
    const proxy = await startFaultProxy(server);
    this.#stops.push(() => proxy.close());
    this.watch.observe(`replica-${place}`, proxy);
    const port = ports[place]!;
    const front = await this.#link(() => port);
    const toPrometheus = await this.#link(() => this.#prometheusPort);
    const toPeers = new Map<number, Link>();
    for (const [other, otherPort] of ports.entries())
      if (other !== place) toPeers.set(other, await this.#link(() => otherPort));
    const peers = [...toPeers.values()].map((link) => link.port);
    const config = this.#config(place, port, toPrometheus.port, peers);
    const [, token = ''] = /token: "?([\w.-]+)/.exec(await readFile(server.kubeconfig, 'utf8')) ?? [];
    const args = [`--kubeconfig=${await server.kubeconfigFor(token, proxy.url)}`];
    return new WorldReplica(place, { proxy, port, front, toPrometheus, toPeers }, () =>
      startTocsin({ port, config, args, ...extras(place), ...(main !== undefined && { main }) }),
    );
  }

  #config(place: number, port: number, prometheusPort: number, peers: readonly number[]): string {
    const { asks = true, lease = shortLease } = this.#options;
    const url = `http://127.0.0.1:${port}`;
    const urls = [url, ...peers.map((peer) => `http://127.0.0.1:${peer}`)];
    const prometheus = `prometheus: {url: 'http://127.0.0.1:${prometheusPort}', check_interval: 0s, unknown_after: 1h, heal_grace: 2s},`;
    return `{source: {select: labels, debounce: {wait: 50ms, max_wait: 100ms}}, controller: {resync: 0s, requeue_after: 1h},
      ${asks ? prometheus : ''}
      replicas: {enabled: true, identity: replica-${place}, peers: [${urls.join()}], advertise: '${url}',
        token_file: ${join(this.#folder, 'token')}, lease: {name: torture, ${lease}}}}`;
  }

  async #link(port: () => number): Promise<Link> {
    const link = await Link.start(port);
    this.#stops.push(() => link.stop());
    return link;
  }
}
