import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../../test/support/kube-api-server.ts';
import { leaseMs } from '../../test/support/replica-cluster.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult, type Guard } from '../fault.ts';
import { Random } from '../random.ts';
import { pipelines, ReplicaWorld, type Moment, type ReplicaWorldOptions, type WorldReplica } from '../replica-world.ts';

/** Tocsin's longest back-off, for writes and for watches, is 30 s, and so is the time between two looks while replicas do not reach each other. */
export const recoverWithinMs = 45_000;
/** If the moment does not come, the fault happens anyway. */
const longestWaitMs = 5000;

export interface Scene {
  readonly server: KubeApiServer;
  readonly world: ReplicaWorld;
  readonly random: Random;
  readonly tally: Tally;
}

/** Resolves to the time until all was right, milliseconds. */
export type Round = (scene: Scene, number: number) => Promise<number>;

/** What happens to one replica. It begins at once, and resolves when it is over. */
export type Strike = (hit: WorldReplica, scene: Scene) => Promise<void>;

const ofLeader: readonly Moment[] = ['POST', '200', 'debounce', 'lease write', 'lease answer', 'patch', 'patch answer'];
const ofFollower: readonly Moment[] = ['POST', '200', 'debounce', 'told'];

const killed: Strike = async (hit, { random }) => {
  const end = hit.kill();
  await setTimeout(random.between(0, 1500));
  await end;
  await hit.start();
};

export const paused: Strike = async (hit, { random }) => {
  hit.pause();
  await setTimeout(random.between(200, 2 * leaseMs));
  hit.resume();
};

/** Every replica takes itself for the leader. */
export const allLead: Guard = {
  file: 'app/app.ts',
  from: 'const leadership = this.#replicas?.leadership ?? alone.leadership;',
  to: 'const { leadership } = alone;',
};
/** A follower does not keep requests for the time when it leads. */
const keepsNothing: Guard = {
  file: 'app/spine.ts',
  from: 'sink: this.#reconciling.source.put,',
  to: 'sink: (causes) => void (this.#options.leadership.isLeading && this.#reconciling.source.put(causes)),',
};
/** A follower keeps what it was told to itself. */
const tellsNobody: Guard = { file: 'replica/peers/teller.ts', from: 'this.#isTelling = !isLeading;', to: '' };
/** Nobody looks at everything when another one leads, and when a replica goes or comes. */
const neverLooks: readonly Guard[] = [
  {
    file: 'app/spine.ts',
    from: "if (isLeading && this.#isReady) void pipelines.sweep('takeover');",
    to: '',
  },
  {
    file: 'app/spine.ts',
    from: "if (this.#isReady && leadership.isLeading) void this.#reconciling.pipelines.sweep('peers');",
    to: 'void leadership;',
  },
];

/** Three replicas, a real API server behind a proxy for each of them, and a real Prometheus. */
export const replicaFaultRows: readonly Fault[] = [
  {
    name: 'replicas, pushed to all: SIGKILL and SIGSTOP',
    guard: [...neverLooks, keepsNothing],
    run: (options) => rounds(options, { pushTo: 'all' }, 68, (...scene) => strikeOne(...scene, [killed, paused])),
  },
  {
    name: 'replicas, pushed to one: SIGKILL and SIGSTOP',
    guard: neverLooks,
    run: (options) => rounds(options, { pushTo: 'one' }, 67, (...scene) => strikeOne(...scene, [killed, paused])),
  },
  {
    name: 'replicas, round robin: SIGKILL and SIGSTOP',
    guard: allLead,
    run: (options) =>
      rounds(options, { pushTo: 'round robin' }, 66, (...scene) => strikeOne(...scene, [killed, paused])),
  },
  {
    name: 'replicas without a Prometheus to ask: SIGKILL and SIGSTOP',
    guard: tellsNobody,
    run: (options) =>
      rounds(options, { pushTo: 'all', asks: false }, 40, (...scene) => strikeOne(...scene, [killed, paused])),
  },
];

/** Runs so many rounds, or eight if it has to be quick, in one world. */
export async function rounds(
  { quick, main }: FaultOptions,
  options: Omit<ReplicaWorldOptions, 'server' | 'main'>,
  times: number,
  round: Round,
): Promise<FaultResult> {
  const [tally, random] = [new Tally(), new Random(17, times)];
  const skipped = skipWithoutKube();
  if (skipped !== false) return { ...tally.result, skipped };
  const server = await startKubeApiServer();
  try {
    const world = await ReplicaWorld.start({ ...options, server, main });
    try {
      const scene = { server, world, random, tally };
      for (let number = 0; number < (quick ? Math.min(8, times) : times); number++)
        await oneRound(scene, number, round);
    } finally {
      await world.stop();
    }
  } finally {
    await server.stop();
  }
  return tally.result;
}

async function oneRound(scene: Scene, number: number, round: Round): Promise<void> {
  const { tally, world } = scene;
  await tally.try(`round ${number}`, () => round(scene, number));
  const { differentWrites, foreignWrites } = world.watch;
  tally.count(
    'two leaders writing',
    foreignWrites.splice(0).map((what) => `round ${number}: ${what}`),
  );
  tally.count(
    'double writes that differ',
    differentWrites.splice(0).map((what) => `round ${number}: ${what}`),
  );
}

/** Something happens to the leader, the next time to a follower, at a random moment after a change. Resolves to the time until all was right. */
export async function strikeOne(scene: Scene, number: number, strikes: readonly Strike[]): Promise<number> {
  const { world, random } = scene;
  const leader = await world.leader(recoverWithinMs);
  const followers = world.running.filter((replica) => replica !== leader);
  const hit = number % 2 === 0 ? leader : random.pick(followers);
  const moment = random.pick(hit === leader ? ofLeader : ofFollower);
  const strike = strikes[Math.floor(number / 2) % strikes.length]!;
  // What only this one is told must not get lost either.
  world.target = random.once(3) ? random.pick(world.running) : hit;
  const { promise: begun, resolve: begin } = Promise.withResolvers<number>();
  // The lease is written all the time, but the moment is to come after the push as well as before.
  const armAfterMs = moment.startsWith('lease') ? random.between(0, 3000) : 0;
  world.flip(random.pick(pipelines));
  const over = at(hit, moment, armAfterMs, () => {
    begin(systemClock.monotonic());
    return strike(hit, scene);
  });
  const startedAt = await begun;
  const right = allRight(scene, `${hit === leader ? 'the leader' : 'a follower'}, ${strike.name} at ${moment}`);
  const [rightAt] = await Promise.all([right, over]);
  // What a replica does that wakes up must not undo it.
  await allRight(scene, `after ${strike.name} at ${moment}`);
  return rightAt - startedAt;
}

/** Resolves to the moment at which every condition was right. */
export async function allRight({ world, tally }: Scene, what: string): Promise<number> {
  const wrong = await world.wrong(recoverWithinMs);
  tally.lost(`${what}: ${wrong.join(', ')} wrong`, wrong.length);
  return systemClock.monotonic();
}

async function at(hit: WorldReplica, moment: Moment, afterMs: number, begin: () => Promise<void>): Promise<void> {
  await setTimeout(afterMs);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const now = (): void => {
    hit.onMoment = () => undefined;
    cancel();
    begin().then(resolve, reject);
  };
  const cancel = systemClock.setTimeout(now, longestWaitMs);
  hit.onMoment = (seen) => seen === moment && now();
  return promise;
}
