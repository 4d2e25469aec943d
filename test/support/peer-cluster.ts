import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { freePort } from './free-port.ts';
import type { KubeApiServer } from './kube-api-server.ts';
import { startTocsin, type TocsinProcess } from './tocsin-process.ts';

export const peerToken = 'the-token-of-all-replicas';

/** Three replicas in processes of their own that know each other by a list, on one API server, without a Prometheus to ask. */
export class PeerCluster {
  readonly ports: readonly number[];
  readonly replicas: TocsinProcess[] = [];
  readonly folder: string;
  readonly #server: KubeApiServer;
  readonly #lease: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    server: KubeApiServer,
    lease: string,
    ports: readonly number[],
    folder: string,
    environment: Readonly<Record<string, string>>,
  ) {
    this.#server = server;
    this.#lease = lease;
    this.ports = ports;
    this.folder = folder;
    this.#environment = environment;
  }

  static async start(server: KubeApiServer, lease: string, environment = {}): Promise<PeerCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-peers-'));
    await writeFile(join(folder, 'token'), `${peerToken}\n`);
    const cluster = new PeerCluster(
      server,
      lease,
      [await freePort(), await freePort(), await freePort()],
      folder,
      environment,
    );
    try {
      cluster.replicas.push(...(await Promise.all(cluster.ports.map((_, index) => cluster.startReplica(index)))));
      await cluster.leader();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  startReplica(index: number): Promise<TocsinProcess> {
    const urls = this.ports.map((port) => `http://127.0.0.1:${port}`);
    const config = `{source: {select: labels, debounce: {wait: 50ms, max_wait: 100ms}}, controller: {resync: 0s, requeue_after: 1h},
      replicas: {enabled: true, identity: replica-${index}, peers: [${urls.join()}], advertise: '${urls[index]}', token_file: ${join(this.folder, 'token')},
      lease: {name: ${this.#lease}, duration: 6s, renew_deadline: 4s, retry_period: 1s}}}`;
    return startTocsin({
      port: this.ports[index]!,
      config,
      environment: this.#environment,
      args: [`--kubeconfig=${this.#server.kubeconfig}`],
    });
  }

  /** The index of the replica that leads, once all others know it and can be reached. */
  async leader(): Promise<number> {
    const metrics = await eventually(
      () => Promise.all(this.replicas.map(({ url }) => metricsOf(url))),
      (pages) => pages.filter((page) => /^tocsin_leader 1$/m.test(page)).length === 1 && pages.every(knowsOthers),
    );
    return metrics.findIndex((page) => /^tocsin_leader 1$/m.test(page));
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.replicas.map((replica) => replica.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The two others answer. */
function knowsOthers(page: string): boolean {
  return /^tocsin_peers\{state="up"\} 2$/m.test(page);
}

export async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2000) })).text();
}

/** An alert about one pipeline, as Prometheus sends it. */
export function gatewayAlert(pipeline: string): object {
  return {
    labels: { alertname: 'TraceGatewayAllDataDropped', pipeline_name: pipeline },
    startsAt: new Date(systemClock.now() - 60_000).toISOString(),
    endsAt: new Date(systemClock.now() + 240_000).toISOString(),
  };
}

export async function push(url: string, ...alerts: readonly object[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  if (response.status !== 200) throw new Error(`POST: ${response.status} ${await response.text()}`);
}
