import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import { startChild, type Child } from '../../test/support/child-process.ts';
import { leaseMs } from '../../test/support/replica-cluster.ts';
import type { Fault, FaultOptions, FaultResult } from '../fault.ts';
import type { Link } from '../link.ts';
import { pipelines } from '../replica-world.ts';
import { allLead, allRight, paused, recoverWithinMs, rounds, strikeOne, type Scene, type Strike } from './replicas.ts';

const apiServerCutOff: Strike = async (hit, { random }) => {
  hit.partition();
  await setTimeout(random.between(200, 2 * leaseMs));
  hit.heal();
};

/** Another one has to take over, whatever it thinks of the times that the one before has written. */
const killedForLong: Strike = async (hit, { random, world }) => {
  await hit.kill();
  world.flip(random.pick(pipelines));
  await world.wrong(recoverWithinMs);
  await hit.start();
};

/** Only the lease is out of reach: what the leader of before still believed in it could write. */
const leaseCutOff: Strike = async (hit, { random, world }) => {
  hit.proxy.fault = ({ url }) => (url.includes('/coordination.k8s.io/') ? { kind: 'silence' } : undefined);
  hit.proxy.freezeWatches();
  await setTimeout(random.between(leaseMs, 2 * leaseMs));
  world.flip(random.pick(pipelines));
  await setTimeout(random.between(0, leaseMs));
  hit.heal();
};

const etcdPaused: Strike = async (_, { server, random }) => {
  process.kill(server.pid('etcd'), 'SIGSTOP');
  await setTimeout(random.between(200, 2 * leaseMs));
  process.kill(server.pid('etcd'), 'SIGCONT');
};

const terminated: Strike = async (hit, { server }) => {
  await hit.terminate();
  const lease = (await server.get('lease', 'torture')) as { readonly spec: { readonly holderIdentity: string } };
  if (lease.spec.holderIdentity.startsWith(`${hit.name}_`)) throw new Error(`${hit.name} did not release the lease`);
  await hit.start();
};

/** Replicas that do not reach each other, or what they need. */
export const replicaPartitionRows: readonly Fault[] = [
  {
    name: 'replicas: cut off from the API server',
    // A leader believes in a renewal however old it is.
    guard: {
      file: 'replica/election.ts',
      from: 'return this.#renewedAt !== undefined && now < this.#renewedAt + this.#timings.renewDeadlineMs;',
      to: 'return this.#renewedAt !== undefined;',
    },
    run: (options) =>
      rounds(options, { pushTo: 'all' }, 40, (...scene) => strikeOne(...scene, [leaseCutOff, apiServerCutOff])),
  },
  {
    name: 'replicas: cut off from each other',
    guard: {
      file: 'replica/peers/replication.ts',
      from: '#lookWhilePartitioned(): void {',
      to: '#lookWhilePartitioned(): void {\n    if (this.peers !== undefined) return;',
    },
    run: (options) => rounds(options, { pushTo: 'one' }, 30, cutOffFromPeers),
  },
  {
    name: 'replicas: cut off from Prometheus',
    guard: {
      file: 'prometheus/shared-snapshot.ts',
      from: 'if (now < last.error.retryAt) throw',
      to: 'throw',
    },
    run: (options) => rounds(options, { pushTo: 'all' }, 30, cutOffFromPrometheus),
  },
  {
    name: 'replicas: etcd killed and started again',
    guard: allLead,
    run: etcdKilled,
  },
  {
    name: 'replicas: SIGTERM, or an etcd that hangs',
    guard: {
      file: 'replica/election.ts',
      from: "if (this.#seen?.holder !== this.#me) return { do: 'end' };",
      to: "return { do: 'end' };",
    },
    run: (options) =>
      rounds(options, { pushTo: 'all' }, 40, (...scene) => strikeOne(...scene, [terminated, etcdPaused])),
  },
  {
    name: 'replicas: clocks that differ by 20 min',
    // A follower compares what the leader has written with its own clock.
    guard: {
      file: 'replica/election.ts',
      from: 'return this.#changedAt + Math.max(claimedMs, this.#timings.durationMs);',
      to: "return performance.now() + Date.parse(lease.renewTime ?? '') - Date.now() + Math.max(claimedMs, this.#timings.durationMs);",
    },
    run: clocksDiffer,
  },
];

/** A push reaches a follower that cannot tell the leader, for a while or until all is right nevertheless. */
async function cutOffFromPeers(scene: Scene, number: number): Promise<number> {
  const { world, random } = scene;
  const leader = await world.leader(recoverWithinMs);
  const followers = world.running.filter((replica) => replica !== leader);
  const hit = random.once(4) ? leader : random.pick(followers);
  const links = [
    ...hit.toPeers.values(),
    ...world.replicas.flatMap(({ toPeers }) => (toPeers.get(hit.place) === undefined ? [] : [toPeers.get(hit.place)!])),
  ];
  world.target = hit;
  for (const link of links) link.cut();
  if (random.once(2)) await setTimeout(random.between(0, 12_000));
  const startedAt = systemClock.monotonic();
  world.flip(random.pick(pipelines));
  const heal = (): void => links.forEach((link) => link.heal());
  // Every second time the cut stays.
  const healed = number % 2 === 0 ? undefined : setTimeout(random.between(200, 15_000)).then(heal);
  const rightAt = await allRight(scene, `${hit === leader ? 'the leader' : 'a follower'} cut off`);
  await healed;
  heal();
  return rightAt - startedAt;
}

/** Prometheus pushes to some, and some can ask it. */
async function cutOffFromPrometheus(scene: Scene): Promise<number> {
  const { world, random } = scene;
  const leader = await world.leader(recoverWithinMs);
  const hit = random.once(3) ? world.running : [random.once(2) ? leader : random.pick(world.running)];
  // What nobody was told comes again after a minute only.
  const reached = random.pick(world.running).front;
  const cut: Link[] = hit
    .flatMap(({ front, toPrometheus }) => [front, toPrometheus])
    .filter((link) => link !== reached && !random.once(3));
  for (const link of cut) link.cut();
  world.flip(random.pick(pipelines));
  await setTimeout(random.between(1000, 8000));
  for (const link of cut) link.heal();
  const startedAt = systemClock.monotonic();
  return (await allRight(scene, `${cut.length} ways of ${hit.length} cut`)) - startedAt;
}

async function etcdKilled(options: FaultOptions): Promise<FaultResult> {
  const started: Child[] = [];
  const restarted: Strike = async (_, { server, random }) => {
    const pid = server.pid('etcd');
    const [command = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
    const own = started.at(-1);
    if (own?.pid === pid) own.kill('SIGKILL');
    else process.kill(pid, 'SIGKILL');
    await setTimeout(random.between(0, 2 * leaseMs));
    const etcd = await startChild({ name: 'etcd', command, args });
    started.push(etcd);
    await writeFile(join(server.folder, 'etcd.pid'), `${etcd.pid}\n`);
  };
  try {
    return await rounds(options, { pushTo: 'all' }, 30, (...scene) => strikeOne(...scene, [restarted]));
  } finally {
    await Promise.all(started.map((child) => child.stop()));
  }
}

/** The first clock is ten minutes ahead, the second one is right, the third one is ten minutes behind. */
async function clocksDiffer(options: FaultOptions): Promise<FaultResult> {
  const folder = await mkdtemp(join(tmpdir(), 'torture-clocks-'));
  const shift = new URL('../shift-clock.ts', import.meta.url).href;
  const files = [0, 1, 2].map((place) => join(folder, String(place)));
  for (const [place, file] of files.entries()) await writeFile(file, String((1 - place) * 600_000));
  const environment = (place: number) => ({ NODE_OPTIONS: `--import=${shift}`, TORTURE_CLOCK: files[place]! });
  const process = (place: number) => ({ environment: environment(place) });
  try {
    return await rounds(options, { pushTo: 'all', process }, 40, (...scene) =>
      strikeOne(...scene, [killedForLong, paused]),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
