import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { AlertStore } from '../../alert/alert-store.ts';
import type { Causes } from '../../cause/causes.ts';
import { livePlatformAlerts } from '../../cause/platform-alerts.ts';
import { Config } from '../../config/config.ts';
import { Receiver } from '../../receiver/receiver.ts';
import { systemClock, type Clock } from '../../runtime/clock.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { temporaryFolder } from '../../runtime/temporary-folder.fixture.ts';
import { testConnections } from '../../server/connections.fixture.ts';
import { createHttpMetrics } from '../../server/request/http-metrics.ts';
import { readTarget } from '../../server/request/request-head.ts';
import { Routes } from '../../server/routes.ts';
import type { Leadership } from '../leadership.ts';
import { SharedToken, TokenFile } from './peer-credentials.ts';
import { listedPeers } from './peers.ts';
import { Replication } from './replication.ts';
import type { SpineReplica } from './spine-replica.ts';

/** Who leads, as a test says. */
export class TestLeadership implements Leadership {
  readonly #me: string;
  readonly #listeners = new Set<() => void>();
  term = 0;
  leader = '';

  constructor(me: string) {
    this.#me = me;
  }

  get isLeading(): boolean {
    return this.leader === this.#me;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  set(leader: string, term: number): void {
    this.leader = leader;
    this.term = term;
    for (const listener of this.#listeners) listener();
  }
}

export interface TestReplica {
  readonly name: string;
  readonly url: string;
  readonly store: AlertStore;
  readonly leadership: TestLeadership;
  readonly replication: Replication;
  readonly spine: SpineReplica;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  /** What woke a reconcile. */
  readonly sunk: readonly Causes[];
  /** How often every object was looked at. */
  looks(): number;
  /** What waits in the queue: the test adds, the replica drops. */
  readonly queue: { added: number; dropped: number; isWaiting: boolean };
  /** The hash of its configuration. */
  config: string;
  /** True: all that the leader took in has been worked on. */
  finished: boolean;
  post(alerts: readonly object[]): Promise<Response>;
  /** It begins to ask the others. */
  start(): void;
  /** Answers nothing any more, as if it was stopped. */
  stop(): void;
}

export const testToken = 'token-of-the-replicas';

/**
 * @param skewMs how far the clock of each replica is ahead
 * @param started so many of them ask the others from the start
 * @param others the URLs of further replicas, which the test has started
 */
export async function startReplicas(
  test: TestContext,
  skewMs: readonly number[] = [0, 0, 0],
  started = skewMs.length,
  others: readonly string[] = [],
): Promise<readonly TestReplica[]> {
  const tokenFile = join(await temporaryFolder(test), 'token');
  await writeFile(tokenFile, `${testToken}\n`);
  const servers = await Promise.all(skewMs.map(() => listening(test)));
  const urls = [...servers.map(({ url }) => url), ...others];
  const replicas = servers.map((server, index) => createReplica(server, index, skewMs[index]!, urls, tokenFile));
  for (const replica of replicas.slice(0, started)) replica.start();
  test.after(async () => {
    for (const { server } of servers) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all(replicas.map(({ replication }) => replication.close()));
    for (const { receiver } of replicas) receiver.close();
  });
  await Promise.all(replicas.slice(0, started).map(({ replication }) => replication.joined()));
  return replicas;
}

/** The first one leads. */
export function elect(replicas: readonly TestReplica[], leader: TestReplica, term: number): void {
  for (const { leadership } of replicas) leadership.set(leader.name, term);
}

interface Listening {
  readonly server: ReturnType<typeof createServer>;
  readonly url: string;
}

async function listening(test: TestContext): Promise<Listening> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.signal.addEventListener('abort', () => server.closeAllConnections());
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function createReplica(
  { server, url }: Listening,
  index: number,
  skewMs: number,
  urls: readonly string[],
  tokenFile: string,
): TestReplica & { readonly receiver: Receiver } {
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + skewMs };
  const runtime = {
    clock,
    logger: new RecordingLogger(),
    registry: new Registry(),
    schedule: new SliceSchedule(clock),
  };
  const config = Config.parse({});
  const name = `replica-${index}`;
  const leadership = new TestLeadership(name);
  const limits = { maxAlerts: 10_000, maxBytes: 100_000_000, resolveTimeoutMs: 300_000 };
  const store = new AlertStore(() => limits);
  let looks = 0;
  const replication = new Replication({
    ...runtime,
    leadership,
    me: name,
    address: () => new URL(url).host,
    source: listedPeers(urls, null),
    credentials: new SharedToken(new TokenFile(tokenFile, clock)),
    httpConfig: () => config.prometheus.http_config,
    version: '1.2.3',
    about: () => ({ instance: `process-${index}`, config: replica.config }),
    lookAtAll: () => void looks++,
  });
  const spine = replication.spine('', runtime, store);
  const sunk: Causes[] = [];
  const metrics = createHttpMetrics(runtime.registry);
  const receiver = new Receiver({
    ...runtime,
    config: () => config,
    metrics,
    memory: testConnections({ ...runtime, metrics }),
    store,
    silenceStorage: { write: async () => undefined, noteLogged: async () => undefined },
    version: '1.2.3',
    heavyWork: (work) => work(),
    platform: livePlatformAlerts(() => config),
    sink: (causes) => void sunk.push(causes),
    notReady: () => undefined,
    reload: async () => ({ needRestart: [] }),
    others: spine,
  });
  const routes = new Routes([...receiver.routes, ...replication.routes]);
  server.on('request', (request, response) => {
    request.url = readTarget('', request.url!, routes).url;
    routes.handle(request, response);
  });
  const queue = { added: 0, dropped: 0, isWaiting: false };
  const replica = {
    name,
    config: 'c0ffee',
    url,
    store,
    leadership,
    replication,
    spine,
    sunk,
    queue,
    receiver,
    finished: true,
    logger: runtime.logger,
    registry: runtime.registry,
    looks: () => looks,
    post: (alerts: readonly object[]) =>
      fetch(`${url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(alerts),
      }),
    start: () => replication.start(),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  spine.start({
    receiver,
    intake: () => () => true,
    requests: () => () => replica.finished,
    waiting: {
      get added() {
        return queue.added;
      },
      get isWaiting() {
        return queue.isWaiting;
      },
      drop: (added) => (queue.dropped = added),
    },
    lookAtAll: () => void looks++,
    known: () => Promise.resolve({ items: [] }),
  });
  return replica;
}
