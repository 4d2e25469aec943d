import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../../test/support/kube-api-server.ts';
import { leaseMs, ReplicaCluster, type Replica } from '../../test/support/replica-cluster.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { Random } from '../random.ts';

const pipelines = Array.from({ length: 8 }, (_, index) => `p-${index}`);
/** Tocsin's longest back-off, for writes and for watches, is 30 s. */
const recoverWithinMs = 45_000;

interface Scene {
  readonly server: KubeApiServer;
  readonly cluster: ReplicaCluster;
  readonly random: Random;
}

/** What happens to one replica, at a random moment after a push, and what ends it. */
type Way = (replica: Replica, scene: Scene) => Promise<void>;

const killed: Way = async (replica) => {
  await replica.kill();
  await replica.start();
};

const paused: Way = async (replica, { random }) => {
  replica.pause();
  await setTimeout(random.between(200, 2 * leaseMs));
  replica.resume();
};

const terminated: Way = async (replica, { server }) => {
  await replica.terminate();
  const lease = (await server.get('lease', 'torture')) as { readonly spec: { readonly holderIdentity: string } };
  if (lease.spec.holderIdentity.startsWith(`${replica.name}_`))
    throw new Error(`${replica.name} did not release the lease`);
  await replica.start();
};

const cutOff: Way = async (replica, { random }) => {
  replica.partition();
  await setTimeout(random.between(200, 2 * leaseMs));
  replica.heal();
};

const etcdPaused: Way = async (_, { server, random }) => {
  process.kill(server.pid('etcd'), 'SIGSTOP');
  await setTimeout(random.between(200, 2 * leaseMs));
  process.kill(server.pid('etcd'), 'SIGCONT');
};

/** Every replica takes itself for the leader. */
const allLead = {
  file: 'app/app.ts',
  from: 'const leadership = this.#replicas?.leadership ?? alone.leadership;',
  to: 'const { leadership } = alone;',
};

/** Three replicas, of which one leads, on a real API server. */
export const replicaFaultRows: readonly Fault[] = [
  {
    name: 'replicas: SIGKILL of the leader or a follower',
    // A new leader works off nothing, and looks at nothing.
    guard: { file: 'app/spine.ts', from: 'controller.isHeld = !isLeading;', to: 'controller.isHeld = true;' },
    run: (options) => rounds(options, [killed]),
  },
  {
    name: 'replicas: SIGSTOP and SIGCONT, or cut off from the API server',
    guard: allLead,
    run: (options) => rounds(options, [paused, cutOff]),
  },
  {
    name: 'replicas: SIGTERM, or an etcd that hangs',
    guard: {
      file: 'replica/election.ts',
      from: "if (this.#seen?.holder !== this.#me) return { do: 'end' };",
      to: "return { do: 'end' };",
    },
    run: (options) => rounds(options, [terminated, etcdPaused]),
  },
];

async function rounds({ quick, main }: FaultOptions, ways: readonly Way[]): Promise<FaultResult> {
  const skipped = skipWithoutKube();
  if (skipped !== false) return { ...new Tally().result, skipped };
  const server = await startKubeApiServer();
  const cluster = await ReplicaCluster.start(server, { lease: 'torture', pipelines, main }).catch(async (error) => {
    await server.stop();
    throw error;
  });
  const [tally, random] = [new Tally(), new Random(17)];
  try {
    await cluster.leader();
    for (let round = 0; round < (quick ? 6 : 70); round++)
      await tally.try(`round ${round}`, () => oneRound(ways[round % ways.length]!, { server, cluster, random }));
    tally.lost('writes of a replica while another one had the lease', cluster.foreignWrites.length);
    for (const write of cluster.foreignWrites.slice(0, 3)) tally.lost(write, 0);
  } finally {
    await cluster.stop();
    await server.stop();
  }
  return tally.result;
}

/** Every second one hits the leader. Resolves to how long it took until every condition was right. */
async function oneRound(way: Way, scene: Scene): Promise<number> {
  const { cluster, random } = scene;
  const leader = await cluster.leader();
  const followers = cluster.replicas.filter((replica) => replica !== leader);
  const hit = random.between(0, 1) === 0 ? leader : random.pick(followers);
  const told = cluster.flip(random.pick(pipelines));
  await setTimeout(random.between(0, 400));
  const startedAt = systemClock.monotonic();
  await Promise.all([told, way(hit, scene)]);
  const wrong = await cluster.wrong(recoverWithinMs);
  if (wrong.length > 0) throw new Error(`${hit === leader ? 'the leader' : 'a follower'}: ${wrong.join(', ')} wrong`);
  return systemClock.monotonic() - startedAt;
}
