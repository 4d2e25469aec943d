import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import type { KubeApiServer } from './kube-api-server.ts';
import { flowHealthOf, KubeAdmin } from './kube-admin.ts';
import { LeaseWatch } from './lease-watch.ts';
import { startTocsin, type TocsinProcess } from './tocsin-process.ts';

export interface ReplicaClusterOptions {
  /** Its own for each cluster on one API server. */
  readonly lease: string;
  readonly pipelines: readonly string[];
  /** Default 3. */
  readonly replicas?: number;
  /** In place of `src/main.ts`. */
  readonly main?: string | undefined;
  /** More of the configuration, as YAML in flow style. */
  readonly config?: string;
}

/** As short as the configuration allows. */
export const leaseMs = 3000;
const lease = 'duration: 3s, renew_deadline: 2s, retry_period: 1s';
const alertname = 'TraceGatewayAllDataDropped';
const failing = 'GatewayAllTelemetryDataDropped';

/** A replica behind a proxy of its own, so that it is known who wrote what. */
export class Replica {
  readonly name: string;
  readonly proxy: FaultProxy;
  process: TocsinProcess | undefined;
  isPaused = false;
  readonly #start: () => Promise<TocsinProcess>;

  constructor(name: string, proxy: FaultProxy, start: () => Promise<TocsinProcess>) {
    this.name = name;
    this.proxy = proxy;
    this.#start = start;
  }

  /** It has the lease, and may write. */
  async leads(): Promise<boolean> {
    if (this.process === undefined || this.isPaused) return false;
    const response = await fetch(`${this.process.url}/metrics`, { signal: AbortSignal.timeout(2000) });
    return /^tocsin_leader 1$/m.test(await response.text());
  }

  async start(): Promise<void> {
    this.process ??= await this.#start();
  }

  async kill(): Promise<void> {
    const { process: killed } = this;
    this.process = undefined;
    this.isPaused = false;
    killed?.child.kill('SIGKILL');
    await killed?.stop();
  }

  /** SIGTERM; resolves when it has ended. */
  async terminate(): Promise<void> {
    const { process: ended } = this;
    this.process = undefined;
    // It receives for a few seconds more.
    await ended?.child.stop(20_000);
    await ended?.stop();
  }

  pause(): void {
    this.isPaused = true;
    this.process?.child.kill('SIGSTOP');
  }

  resume(): void {
    this.isPaused = false;
    this.process?.child.kill('SIGCONT');
  }

  /** The API server neither hears nor answers it. */
  partition(): void {
    this.proxy.fault = () => ({ kind: 'silence' });
    this.proxy.freezeWatches();
  }

  heal(): void {
    this.proxy.fault = () => undefined;
    this.proxy.endSilence();
    this.proxy.breakWatches('');
  }
}

/** The replica that has the lease and may write, once there is one. */
export async function leaderOf<R extends Replica>(replicas: readonly R[], timeoutMs?: number): Promise<R> {
  const find = async (): Promise<R | undefined> => {
    const leads = await Promise.all(replicas.map((replica) => replica.leads().catch(() => false)));
    return replicas.find((_, index) => leads[index]);
  };
  return (await eventually(find, (replica) => replica !== undefined, timeoutMs))!;
}

/** Replicas of one Tocsin in processes of their own, on a real API server, with a Prometheus that says what the truth is. */
export class ReplicaCluster {
  readonly replicas: Replica[] = [];
  readonly watch = new LeaseWatch();
  readonly #options: ReplicaClusterOptions;
  readonly #server: KubeApiServer;
  readonly #prometheus: FakePrometheus;
  readonly #admin: KubeAdmin;
  readonly #firing = new Set<string>();

  private constructor(server: KubeApiServer, prometheus: FakePrometheus, options: ReplicaClusterOptions) {
    this.#server = server;
    this.#prometheus = prometheus;
    this.#options = options;
    this.#admin = new KubeAdmin(server);
  }

  static async start(server: KubeApiServer, options: ReplicaClusterOptions): Promise<ReplicaCluster> {
    const cluster = new ReplicaCluster(server, await startFakePrometheus(), options);
    try {
      await cluster.#admin.create('TracePipeline', options.pipelines);
      for (let index = 0; index < (options.replicas ?? 3); index++)
        cluster.replicas.push(await cluster.#replica(index));
      await Promise.all(cluster.replicas.map((replica) => replica.start()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.replicas.map((replica) => replica.kill()));
    await Promise.allSettled(this.replicas.map(({ proxy }) => proxy.close()));
    await Promise.allSettled([this.#prometheus.stop(), this.#admin.close()]);
  }

  /** The replica that has the lease and may write, once there is one. */
  leader(timeoutMs?: number): Promise<Replica> {
    return leaderOf(this.replicas, timeoutMs);
  }

  /** Another state of one pipeline: Prometheus knows it at once, and tells every replica. Resolves when one has answered 200. */
  async flip(pipeline: string): Promise<void> {
    const isFiring = !this.#firing.delete(pipeline);
    if (isFiring) this.#firing.add(pipeline);
    const labels = { alertname, pipeline_name: pipeline };
    this.#prometheus.answer(
      [...this.#firing].map((name) => ({ labels: { ...labels, pipeline_name: name }, state: 'firing' })),
    );
    const endsAt = new Date(systemClock.now() + (isFiring ? 240_000 : 0)).toISOString();
    // A Prometheus sends again what nobody took.
    await eventually(
      () => this.#push([{ labels, startsAt: new Date(systemClock.now() - 60_000).toISOString(), endsAt }]),
      (accepted) => accepted > 0,
    );
  }

  /** Resolves to the pipelines whose condition is not what Prometheus says, once there are none or the time is over. */
  async wrong(timeoutMs: number): Promise<readonly string[]> {
    let wrong: readonly string[] = [];
    await eventually(
      async () => (wrong = await this.#wrong()),
      (found) => found.length === 0,
      timeoutMs,
    ).catch(() => undefined);
    return wrong;
  }

  async #push(alerts: readonly object[]): Promise<number> {
    const answers = await Promise.allSettled(
      this.replicas
        .filter(({ process: running }) => running !== undefined)
        .map(({ process: running }) =>
          fetch(`${running!.url}/api/v2/alerts`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(alerts),
            signal: AbortSignal.timeout(2000),
          }),
        ),
    );
    return answers.filter((answer) => answer.status === 'fulfilled' && answer.value.status === 200).length;
  }

  async #wrong(): Promise<readonly string[]> {
    const found = await this.#admin.list('TracePipeline');
    return found
      .filter(({ metadata: { name } }) => this.#options.pipelines.includes(name))
      .filter((object) => (flowHealthOf(object)?.reason === failing) !== this.#firing.has(object.metadata.name))
      .map(({ metadata: { name } }) => name);
  }

  async #replica(index: number): Promise<Replica> {
    const proxy = await startFaultProxy(this.#server);
    const name = `replica-${index}`;
    const [, token = ''] = /token: "?([\w.-]+)/.exec(await readFile(this.#server.kubeconfig, 'utf8')) ?? [];
    const kubeconfig = await this.#server.kubeconfigFor(token, proxy.url);
    const config = `{source: {select: labels, debounce: {wait: 50ms, max_wait: 100ms}}, controller: {resync: 0s, requeue_after: 1h},
      prometheus: {url: '${this.#prometheus.url}', check_interval: 0s, unknown_after: 1h},
      replicas: {enabled: true, identity: ${name}, lease: {name: ${this.#options.lease}, ${lease}}}${this.#options.config ?? ''}}`;
    const { main } = this.#options;
    const replica = new Replica(name, proxy, () =>
      startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`], ...(main !== undefined && { main }) }),
    );
    this.watch.observe(name, proxy);
    return replica;
  }
}
